"""The path that a request names, however its client wrote it."""

import pytest

from netconsole.metadata.targets import MOST_NAMES, path_of

DOCUMENT = ("openstack", "latest", "meta_data.json")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", ()),
        ("//", ()),
        ("/?", ()),
        ("/openstack/latest/meta_data.json", DOCUMENT),
        ("/openstack/latest/meta_data.json/", DOCUMENT),
        ("//openstack//latest/meta_data.json", DOCUMENT),
        ("/openstack/latest/meta_data.json?x=/../y", DOCUMENT),
        ("/openstack/latest/meta_data.json#part", DOCUMENT),
        ("/./openstack/latest/x/../meta_data.json", DOCUMENT),
        ("/../../openstack/latest/meta_data.json", DOCUMENT),
        ("/openstack/%6c%61test/meta_data%2ejson", DOCUMENT),
        ("/x/%2e%2e/openstack/latest/meta_data.json", DOCUMENT),
        ("/openstack%2flatest/meta_data.json", DOCUMENT),
        ("http://169.254.169.254/openstack/latest/meta_data.json", DOCUMENT),
        ("HTTP://169.254.169.254:80//openstack/latest/meta_data.json?", DOCUMENT),
        ("http://169.254.169.254", ()),
        ("/a%00b", ("a\0b",)),
        ("/%ff", ("\udcff",)),
        ("/%zz", ("%zz",)),
        ("/" + "a/" * MOST_NAMES, ("a",) * MOST_NAMES),
    ],
)
def test_a_path_is_the_names_in_it(target: str, path: tuple[str, ...]) -> None:
    assert path_of(target) == path


@pytest.mark.parametrize(
    "target", ["", "*", "169.254.169.254:80", "ftp://x/openstack", "openstack", "/a" * 65]
)
def test_what_is_no_path_leads_nowhere(target: str) -> None:
    assert path_of(target) is None

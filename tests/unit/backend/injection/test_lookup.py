"""What an instance is answered at each path."""

import base64
import json
from dataclasses import replace
from datetime import date

import pytest
from core_samples import options
from guest_samples import OCCASION, PASSWORD, PUBLIC_KEY, USER_DATA, told, untold
from injection_samples import flat_options

from netconsole.backend.injection.answer import JSON, TEXT, GuestDocument
from netconsole.backend.injection.lookup import lookup, versions
from netconsole.backend.model.guest_data import GuestData, GuestKey
from netconsole.backend.model.records import SecurityGroup

EC2_VERSIONS = """1.0
2007-01-19
2007-03-01
2007-08-29
2007-10-10
2007-12-15
2008-02-01
2008-09-01
2009-04-04
latest"""
META_DATA = """ami-id
ami-launch-index
ami-manifest-path
block-device-mapping/
hostname
instance-action
instance-id
instance-type
kernel-id
local-hostname
local-ipv4
placement/
public-hostname
public-ipv4
public-keys/
ramdisk-id
reservation-id
security-groups"""
"""Both to the letter as the guide prints them."""
OPENSTACK_DATES = [
    *("2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06"),
]


def found(path: str, guest: GuestData | None = None) -> GuestDocument | None:
    names = [name for name in path.split("/") if name]
    return lookup(guest or told(), names, options(), OCCASION)


def text(path: str, guest: GuestData | None = None) -> str:
    answer = found(path, guest)
    assert answer is not None, path
    assert answer.media_type == TEXT, path
    return answer.content.decode()


def entries(path: str, guest: GuestData | None = None) -> dict[str, object]:
    answer = found(path, guest)
    assert answer is not None, path
    assert answer.media_type == JSON, path
    document = json.loads(answer.content)
    assert isinstance(document, dict)
    return document


def test_the_guide_s_answers_to_the_letter() -> None:
    mapping = "/2009-04-04/meta-data/block-device-mapping/"
    assert text("/") == text("/ec2") == EC2_VERSIONS
    assert text("/openstack") == "\n".join([*OPENSTACK_DATES, "latest"])
    assert text("/2009-04-04/meta-data/") == META_DATA
    assert text(mapping) == "ami"
    assert text("/2009-04-04/meta-data/placement/") == "availability-zone"
    assert text("/2009-04-04/meta-data/public-keys/") == "0=mykey"
    assert text("/2009-04-04/meta-data/public-keys/0/openssh-key") == PUBLIC_KEY
    for path in ("/openstack/2012-08-10/user_data", "/2009-04-04/user-data"):
        assert found(path) == GuestDocument(USER_DATA)


def test_versions_of_later_days_are_answered_and_not_listed() -> None:
    listed = versions(["openstack"], date(2015, 10, 15))
    assert listed == GuestDocument(b"2012-08-10\n2013-04-04\n2013-10-17\n2015-10-15\nlatest")
    early = replace(OCCASION, today=date(2012, 1, 1))
    assert lookup(told(), ["openstack", "2016-10-06", "user_data"], options(), early)


@pytest.mark.parametrize(
    ("since", "brought"),
    [
        (
            "1.0",
            "ami-id ami-launch-index ami-manifest-path hostname instance-id local-ipv4 "
            "public-keys/ reservation-id security-groups",
        ),
        ("2007-01-19", "local-hostname public-hostname public-ipv4"),
        ("2007-03-01", ""),
        ("2007-08-29", "instance-type"),
        ("2007-10-10", ""),
        ("2007-12-15", "block-device-mapping/ kernel-id ramdisk-id"),
        ("2008-02-01", "placement/"),
        ("2008-09-01", "instance-action"),
        ("2009-04-04", ""),
    ],
)
def test_each_version_of_ec2_has_its_own_entries(since: str, brought: str) -> None:
    dates = EC2_VERSIONS.split("\n")[:-1]
    before = dates[dates.index(since) - 1] if since != "1.0" else None
    has = set(text(f"/{since}/meta-data").split("\n"))
    had = set() if before is None else set(text(f"/{before}/meta-data").split("\n"))
    assert has - had == set(brought.split())
    assert had <= has
    assert text("/latest/meta-data") == text("/2009-04-04/meta-data")


def test_an_instance_that_is_told_nothing_has_no_entries_for_it() -> None:
    bare = untold()
    assert text("/latest", bare) == "meta-data/"
    assert text("/latest") == "meta-data/\nuser-data"
    listed = set(text("/latest/meta-data", bare).split("\n"))
    assert set(META_DATA.split("\n")) - listed == {"public-keys/", "kernel-id", "ramdisk-id"}
    for path in (
        *("/latest/user-data", "/latest/meta-data/public-keys", "/latest/meta-data/kernel-id"),
        *("/openstack/latest/user_data", "/openstack/content/0000"),
    ):
        assert found(path, bare) is None, path
    document = entries("/openstack/latest/meta_data.json", bare)
    assert document.keys().isdisjoint({"meta", "files", "keys", "public_keys", "network_config"})
    assert document["availability_zone"] == "nova"


@pytest.mark.parametrize(
    "path",
    [
        *("/2009-04-04/meta-data/ami-id/foo", "/latest/meta-data/security-groups/default"),
        *("/latest/meta-data/public-keys/0=mykey", "/latest/meta-data/public-keys/1"),
        *("/latest/meta-data/public-keys/0/openssh-key/x", "/latest/meta-data/placement/x"),
        *("/2010-01-01/meta-data", "/latest/meta", "/latest/user-data/x", "/favicon.ico"),
        *("/openstack/2012-08-11", "/openstack/content", "/openstack/content/0002"),
        *("/openstack/content/0", "/openstack/content/0000/x", "/openstack/latest/meta_data"),
        *("/openstack/latest/meta_data.json/uuid", "/openstack/2009-04-04/user_data"),
        *("/openstack/2012-08-10/password", "/openstack/2013-04-04/vendor_data.json"),
        *("/openstack/2013-10-17/network_data.json", "/openstack/2016-06-30/vendor_data2.json"),
    ],
)
def test_elsewhere_is_nothing(path: str) -> None:
    assert found(path) is None


def test_each_version_of_openstack_lists_its_documents_in_nova_s_order() -> None:
    own = ["meta_data.json", "user_data"]
    later = ["password", "vendor_data.json", "network_data.json", "vendor_data2.json"]
    for version, more in zip(OPENSTACK_DATES, (0, 1, 2, 3, 3, 4), strict=True):
        assert text(f"/openstack/{version}/").split("\n") == own + later[:more]
    assert text("/openstack/latest") == text("/openstack/2016-10-06")
    assert text("/openstack/2012-08-10", untold()) == "meta_data.json"


def test_meta_data_json_says_what_the_instance_is_and_was_given() -> None:
    document = entries("/openstack/2012-08-10/meta_data.json")
    assert document == {
        "uuid": "instance-0",
        "meta": {"role": "web"},
        "files": [
            {"content_path": "/content/0000", "path": "/etc/motd"},
            {"content_path": "/content/0001", "path": "/etc/issue"},
        ],
        "public_keys": {"mykey": PUBLIC_KEY},
        "keys": [{"name": "mykey", "type": "ssh", "data": PUBLIC_KEY}],
        "hostname": "web0.novalocal",
        "name": "web0",
        "launch_index": 0,
        "availability_zone": "west",
    }
    brought = []
    for version in OPENSTACK_DATES:
        later = entries(f"/openstack/{version}/meta_data.json")
        brought.append(later.keys() - document.keys())
        document = later
    assert brought == [set(), {"random_seed"}, set(), {"project_id"}, {"devices"}, set()]
    assert text("/openstack/content/0000") == "hello\n"
    assert found("/openstack/content/0001") == GuestDocument(b"\xff")


def test_the_other_documents() -> None:
    assert entries("/openstack/latest/vendor_data.json") == {"cloud-init": "#cloud-config\n"}
    assert entries("/openstack/latest/vendor_data2.json") == {
        "static": {"cloud-init": "#cloud-config\n"},
        "joined": {"realm": "EXAMPLE"},
    }
    assert text("/openstack/latest/password") == "encrypted"
    assert text("/openstack/latest/password", untold()) == ""
    links = entries("/openstack/latest/network_data.json")["links"]
    assert isinstance(links, list)
    assert [link["vif_id"] for link in links] == ["port-0"]


def test_static_addresses_are_told_before_the_guest_s_files() -> None:
    path = ["openstack", "content", "0000"]
    interfaces = lookup(told(), path, flat_options(), OCCASION)
    assert interfaces is not None
    assert b"iface eth0 inet static" in interfaces.content
    assert lookup(told(), [*path[:2], "0001"], flat_options(), OCCASION) == GuestDocument(
        b"hello\n"
    )
    meta_data = lookup(told(), ["openstack", "latest", "meta_data.json"], flat_options(), OCCASION)
    assert meta_data is not None
    document = json.loads(meta_data.content)
    config = {"name": "network_config", "content_path": "/content/0000"}
    assert document["network_config"] == config
    assert [each["content_path"] for each in document["files"]] == [
        "/content/0001",
        "/content/0002",
    ]


def test_the_entries_of_ec2() -> None:
    groups = tuple(SecurityGroup(number, name, "", "demo") for number, name in enumerate("ab"))
    guest = told()
    guest = replace(guest, view=replace(guest.view, security_groups=groups))
    expected = {
        "ami-id": "ami-0000002a",
        "ami-launch-index": "0",
        "ami-manifest-path": "FIXME",
        "block-device-mapping/ami": "vda",
        "hostname": "web0.novalocal",
        "local-hostname": "web0.novalocal",
        "public-hostname": "web0.novalocal",
        "public-ipv4": "",
        "instance-action": "none",
        "instance-id": "i-00000001",
        "instance-type": "m1.small",
        "kernel-id": "aki-0000002b",
        "ramdisk-id": "ari-0000002c",
        "local-ipv4": "10.0.0.3",
        "placement/availability-zone": "west",
        "security-groups": "a\nb",
    }
    for name, value in expected.items():
        assert text(f"/latest/meta-data/{name}", guest) == value, name
    number = text("/latest/meta-data/reservation-id")
    assert number.startswith("r-")
    assert len(number) == 10


def test_an_instance_without_an_address_is_told_the_one_that_asks() -> None:
    assert text("/latest/meta-data/local-ipv4", untold(0)) == "10.0.0.99"


def test_an_image_has_the_same_number_whenever_it_is_asked_for() -> None:
    named = replace(told(), image="ed8b2a37-5535-4a5f-a615-443513036d71", kernel="vmlinuz")
    first = text("/latest/meta-data/ami-id", named)
    assert first.startswith("ami-")
    assert text("/1.0/meta-data/ami-id", named) == first
    assert text("/latest/meta-data/kernel-id", named).startswith("aki-")
    assert text("/latest/meta-data/ami-id", untold()) == "ami-00000000"


def test_several_keys_are_numbered() -> None:
    both = replace(told(), keys=(*told().keys, GuestKey("other", "ssh-ed25519 AAAA")))
    assert text("/latest/meta-data/public-keys", both) == "0=mykey\n1=other"
    assert text("/latest/meta-data/public-keys/1", both) == "openssh-key"


@pytest.mark.parametrize("version", ["2013-04-04", "2016-10-06", "latest"])
def test_another_seed_is_all_that_differs(version: str) -> None:
    path = f"/openstack/{version}/meta_data.json"
    if (document := found(path)) is None:
        raise AssertionError(path)
    seed = bytes(range(256)) * 2
    again = document.seeded(seed)
    told_first, told_then = json.loads(document.content), json.loads(again.content)
    assert told_then["random_seed"] == base64.b64encode(seed).decode() != told_first["random_seed"]
    assert told_then | {"random_seed": ""} == told_first | {"random_seed": ""}
    assert again.media_type == JSON
    assert again.seeded(OCCASION.random_seed) == document
    unseeded = found("/openstack/2012-08-10/meta_data.json")
    assert unseeded is not None
    assert unseeded.seeded(seed) == unseeded


def test_the_service_never_tells_the_administrator_s_password() -> None:
    paths = [f"/openstack/latest/{name}" for name in text("/openstack/latest").split("\n")]
    paths += [f"/latest/meta-data/{name}" for name in META_DATA.split("\n")]
    for path in paths:
        answer = found(path)
        assert answer is not None
        assert PASSWORD.encode() not in answer.content


def test_no_secret_is_in_what_is_written_of_the_values() -> None:
    for value in (told(), GuestDocument(USER_DATA), OCCASION):
        said = repr(value)
        for secret in ("Extra", "AAAAB3", PASSWORD, "encrypted", "hello", "'web'", "EXAMPLE"):
            assert secret not in said

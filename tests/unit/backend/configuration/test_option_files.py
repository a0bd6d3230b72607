"""Configuration files as admins have them: several, of all ages and editors, and of no use."""

import os
from pathlib import Path

import pytest

from netconsole.backend.configuration import loading as configuration
from netconsole.backend.configuration.loading import Configuration, load
from netconsole.backend.configuration.places import CONFIGURATION_VARIABLE
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.service.option_check import Remark, remarks


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIGURATION_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_FILE", tmp_path / "absent.conf")
    monkeypatch.setattr(configuration, "address_of_default_route", lambda: "192.0.2.7")


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_several_files_add_up_and_the_later_one_counts(tmp_path: Path) -> None:
    first = written(tmp_path / "1", "[DEFAULT]\nhost = one\ndns_server = 192.0.2.1\nvlan_start=7\n")
    second = written(tmp_path / "2", "[DEFAULT]\nhost = two\ndns_server = 192.0.2.2\n")
    read = load(first, second)
    assert (read.host, read.vlan_start) == ("two", 7)
    assert read.dns_server == ("192.0.2.1", "192.0.2.2")
    assert load(first, second, first).dns_server == ("192.0.2.1", "192.0.2.2")


def test_the_files_of_a_directory_come_last_and_by_name(tmp_path: Path) -> None:
    directory = tmp_path / "conf.d"
    directory.mkdir()
    written(directory / "20.conf", "host = last\n")
    written(directory / "10.conf", "host = early\nvlan_start = 8\n")
    written(directory / "30.conf.orig", "host = none\n")
    named = written(tmp_path / "named", "host = named\nvlan_start = 7\n")
    read = load(named, directories=[str(directory)])
    assert (read.host, read.vlan_start) == ("last", 8)
    with pytest.raises(InvalidValue, match=r"configuration directory '/nowhere': cannot be read"):
        load(directories=["/nowhere"])


def test_the_environment_names_several_as_path_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [written(tmp_path / "1", "host = one\n"), written(tmp_path / "2", "vlan_start = 9\n")]
    monkeypatch.setenv(CONFIGURATION_VARIABLE, os.pathsep.join(files))
    read = load()
    assert (read.host, read.vlan_start) == ("one", 9)


@pytest.mark.parametrize(
    "content",
    [
        "host=here\nmulti_host=true\nshare_dhcp_address=false\n",
        "--host=here\n--multi_host\n--noshare_dhcp_address\n",
        "--host here\n--multi_host=True\n--novncproxy_port=6080\n",
        b"\xef\xbb\xbf[DEFAULT]\r\nhost = here\r\nmulti_host = yes\r\n",
        "[DEFAULT]\nhost = here\nmulti_host = yes\n".encode("utf-16"),
        b"[DEFAULT]\n# r\xe9seau\nhost = here\nmulti_host = 1\n",
        b"\xef\xbb\xbfhost = here\nmulti_host = 1\n# \xe9\n",
        b"[DEFAULT]\rhost = here\rmulti_host = on",
    ],
)
def test_files_of_all_ages_and_editors_are_read(tmp_path: Path, content: str | bytes) -> None:
    read = load(written(tmp_path / "nova.conf", content))
    assert (read.host, read.multi_host, read.share_dhcp_address) == ("here", True, False)


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    written(tmp_path / "huge", b"#" * (2**20 + 1))
    for name in ("fifo", "huge", "/dev/zero", "."):
        with pytest.raises(InvalidValue, match=r"must be a regular file|at most 1048576 bytes"):
            load(str(tmp_path / name))
    assert load(os.devnull) == load()


def test_a_default_file_that_leads_nowhere_is_not_taken_for_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "netconsole.conf"
    link.symlink_to("/nowhere")
    monkeypatch.setattr(configuration, "DEFAULT_FILE", link)
    with pytest.raises(InvalidValue, match="cannot be read: No such file"):
        load()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("my_ip = $my_ip\n", ":1: my_ip '$my_ip': refers to itself"),
        ("my_ip = $vpn_ip\nvpn_ip = $my_ip\n", "refers to itself"),
        ("my_ip = $a\na = $b\nb = ${a}\n", "refers to itself"),
        ("host = $nope\n", "refers to $nope, an option"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        load(written(tmp_path / "loop", text))
    assert rule in str(raised.value)


def test_a_reference_may_be_to_an_option_of_novas_own(tmp_path: Path) -> None:
    text = "rootdir = /srv\nstate_path = $rootdir/nova\nnetworks_path = ${state_path}/nets\n"
    assert load(written(tmp_path / "nova.conf", text)).networks_path == "/srv/nova/nets"


@pytest.mark.parametrize(
    ("name", "text", "manager"),
    [
        ("nova.conf", "", "Vlan"),
        ("netconsole.conf", "", "FlatDHCP"),
        ("netconsole.conf", "debug = true\n[database]\nconnection=sqlite:////srv/x\n", "FlatDHCP"),
        ("netconsole.conf", "compute_driver = libvirt.LibvirtDriver\n", "Vlan"),
        ("netconsole.conf", "[keystone_authtoken]\nauth_host = controller\n", "Vlan"),
        ("nova.conf", "network_manager = nova.network.manager.FlatManager\n", "Flat"),
    ],
)
def test_a_nova_conf_means_novas_manager(
    tmp_path: Path, name: str, text: str, manager: str
) -> None:
    file = written(tmp_path / name, text)
    assert load(file).network_manager == f"nova.network.manager.{manager}Manager"


def test_every_option_says_where_it_comes_from(tmp_path: Path) -> None:
    first = written(tmp_path / "1", "\n[DEFAULT]\nhost = one\ndns_server = 192.0.2.1\n")
    second = written(
        tmp_path / "2", "dns_server = 192.0.2.2\n[database]\nconnection = mysql://n:secret@c/nova\n"
    )
    origins = {each.name: each.origin for each in Configuration([first, second]).settings()}
    assert origins["host"] == f"{first}:3"
    assert origins["dns_server"] == f"{first}:4, {second}:1"
    assert origins["vlan_start"] == "default"
    assert origins["connection"] == f"default, as that at {second}:3 is nova's own"


def test_what_is_to_be_remarked_is_said_with_its_place(tmp_path: Path) -> None:
    text = """[DEFAULT]
routng_source_ip = 10.0.0.1
compute_driver = libvirt.LibvirtDriver
metadata_port = http
[database]
max_pool_size = 5
host = here
[databse]
conection = sqlite:////srv/x
[default]
host = here
[libvirt]
virt_type = kvm
"""
    file = written(tmp_path / "nova.conf", text)
    found = [(each.kind, each.text.removeprefix(f"{file}:")) for each in remarks_of(file)]
    nova = "is nova's, and has no effect here"
    assert found == [
        ("refused", "4: metadata_port 'http': must be a whole number from 1 to 65535"),
        (
            "unknown",
            "2: [DEFAULT] routng_source_ip: there is no option of that name; "
            "did you mean routing_source_ip?",
        ),
        ("without effect", f"3: [DEFAULT] compute_driver: {nova}"),
        ("without effect", f"6: [database] max_pool_size: {nova}"),
        ("misplaced", "7: [database] host: has no effect here, it belongs in [DEFAULT]"),
        (
            "unknown",
            "9: [databse] conection: there is no section of that name; did you mean database?",
        ),
        ("misplaced", "11: [default] host: has no effect here, it belongs in [DEFAULT]"),
        ("without effect", f"13: [libvirt] virt_type: {nova}"),
    ]
    wrong = [each.kind for each in remarks_of(file) if each.is_wrong]
    assert wrong == ["refused", "unknown", "misplaced", "unknown", "misplaced"]


def test_a_name_that_others_refer_to_is_as_good_as_nova_took_it(tmp_path: Path) -> None:
    text = "my_ip = 203.0.113.2\nx = $my_ip\nmetadata_host = ${x}\ny = 1\n"
    file = written(tmp_path / "netconsole.conf", f"[DEFAULT]\n{text}")
    (remark,) = remarks_of(file)
    assert (remark.kind, "[DEFAULT] y: " in remark.text) == ("unknown", True)
    assert Configuration([file]).options().metadata_host == "203.0.113.2"


@pytest.mark.parametrize("name", ["_x", "__class__", "version", "config_file", "database"])
def test_a_name_that_no_option_can_have_is_unknown_as_others_are(tmp_path: Path, name: str) -> None:
    """oslo.config begins none with _, and keeps a few for itself."""
    file = written(tmp_path / "netconsole.conf", f"[DEFAULT]\n{name} = 1\n")
    (remark,) = remarks_of(file)
    assert remark.text.startswith(f"{file}:2: [DEFAULT] {name}: there is no option of that name")
    assert remark.kind == "unknown"
    assert Configuration([file]).options().host

    referring = written(tmp_path / "2.conf", f"{name} = 1\nmetadata_host = ${name}\n")
    with pytest.raises(InvalidValue, match=rf"refers to \${name}, an option that is not known"):
        load(referring)


@pytest.mark.parametrize("times", [1, 2])
def test_references_by_way_of_many_others_are_refused_at_once(tmp_path: Path, times: int) -> None:
    """Each doubles what it refers to, or each needs some of the stack."""
    lines = [f"a{number} = {f'$a{number + 1}' * times}\n" for number in range(2000)]
    file = written(tmp_path / "2.conf", f"{''.join(lines)}a2000 = 1\nmetadata_host = $a0\n")
    with pytest.raises(InvalidValue, match="refers to more than 30 others"):
        load(file)


def remarks_of(file: str) -> tuple[Remark, ...]:
    return remarks(Configuration([file]))

"""What a nova database becomes: read as it is, put right where nova left things dangling."""

import re
import sqlite3
from dataclasses import asdict, fields, replace
from pathlib import Path

import nova_database
import pytest
from guest_samples import PUBLIC_KEY, USER_DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from nova_database import GONE, HOST, VMNET, WEB1, WEB2
from sqlalchemy import Connection

from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.security_groups import CreateSecurityGroup
from netconsole.backend.changes.takeover import ImportNova
from netconsole.backend.configuration.options import Options
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue, NetconsoleError, Unavailable
from netconsole.backend.model.group_rules import told
from netconsole.backend.model.guest_data import GuestData, GuestKey
from netconsole.backend.store import (
    fixed_ips,
    floating_ips,
    guest_data,
    instances,
    networks,
    security_groups,
)
from netconsole.backend.store.views import security_group_views
from netconsole.backend.takeover import database
from netconsole.backend.takeover.nova import Takeover, takeover
from netconsole.backend.takeover.rows import (
    NovaInstance,
    NovaInterface,
    NovaNetwork,
    NovaRows,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)
from netconsole.backend.wording import dhcp

OPTIONS = Options(host=HOST, my_ip="203.0.113.2")


@pytest.fixture
def nova(tmp_path: Path) -> Path:
    path = tmp_path / "nova.sqlite"
    nova_database.create(path)
    return path


def rows_of(path: Path) -> NovaRows:
    return database.read(f"sqlite:///{path}")


def taken(path: Path) -> Takeover:
    return takeover(rows_of(path), OPTIONS)


def test_soft_deleted_rows_are_left_out(nova: Path) -> None:
    rows = rows_of(nova)
    assert [row.label for row in rows.networks] == ["vmnet", "other"]
    assert [row.uuid for row in rows.instances] == [WEB1, WEB2]
    assert len(rows.floating_ips) == 3
    assert [row.name for row in rows.security_groups] == ["default", "web"]
    assert len(rows.security_group_rules) == 7
    assert len(rows.memberships) == 5
    assert [row.id for row in rows.default_rules] == [1]


def test_guests_are_told_what_nova_told_them(nova: Path) -> None:
    (guest,) = taken(nova).told
    assert guest.view.instance.uuid == WEB1
    assert guest == GuestData(
        guest.view,
        user_data=USER_DATA,
        keys=(GuestKey("mykey", PUBLIC_KEY),),
        meta={"role": "web"},
        image="ed8b2a37-5535-4a5f-a615-443513036d71",
        availability_zone="west",
    )
    assert USER_DATA.decode("latin-1") not in repr(taken(nova))


def test_what_guests_were_told_is_written(connection: Connection, nova: Path) -> None:
    ImportNova("x", rows_of(nova)).write(connection, OPTIONS)
    web1 = guest_data.of_instance(connection, instances.find(connection, WEB1))
    assert (web1.user_data, web1.meta) == (USER_DATA, {"role": "web"})
    web2 = guest_data.of_instance(connection, instances.find(connection, WEB2))
    assert web2 == GuestData(web2.view)


@pytest.mark.parametrize(
    ("name", "called"),
    [("my key", "my key"), ("a/b\n0=c", "key a_b_0_c"), ("-x", "key -x"), (" ", "key")],
)
def test_a_keys_name_becomes_one_that_can_be_listed(nova: Path, name: str, called: str) -> None:
    with sqlite3.connect(nova) as written:
        written.execute("UPDATE instances SET key_name = ? WHERE id = 1", (name,))
    written.close()
    found = taken(nova)
    assert found.told[0].keys == (GuestKey(called, PUBLIC_KEY),)
    said = [note for note in found.notes if f"its key {name!r} is called {called!r}" in note]
    assert bool(said) == (name != called)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("user_data", "no base64!", "its user data is not in base64, left out"),
        ("key_data", "no key", "its key 'mykey' is none, left out"),
    ],
)
def test_what_no_guest_could_read_is_left_out_and_said(
    nova: Path, column: str, value: str, says: str
) -> None:
    with sqlite3.connect(nova) as written:
        written.execute(f"UPDATE instances SET {column} = ? WHERE id = 1", (value,))  # noqa: S608
    written.close()
    found = taken(nova)
    assert [note for note in found.notes if says in note]
    assert value not in "".join(found.notes)


def test_reading_writes_nothing(nova: Path) -> None:
    before = nova.read_bytes()
    rows_of(nova)
    assert nova.read_bytes() == before
    assert [path.name for path in nova.parent.iterdir()] == ["nova.sqlite"]


def test_networks_come_over_as_they_are(nova: Path) -> None:
    vmnet, other = taken(nova).networks
    assert (vmnet.uuid, vmnet.bridge, vmnet.mtu) == (VMNET, "br100", 1450)
    assert (vmnet.project_id, vmnet.host, vmnet.dhcp_start) == ("demo", HOST, "10.0.0.2")
    assert (other.bridge_interface, other.host) == ("eth1", "elsewhere")


def test_states_of_addresses_come_over(nova: Path) -> None:
    by_address = {row.address: row for row in taken(nova).fixed_ips}
    assert len(by_address) == 512
    held = by_address["10.0.0.2"]
    assert (held.allocated, held.leased, held.instance_uuid) == (True, True, WEB1)
    assert held.mac == "fa:16:3e:00:00:01"
    assert by_address["10.0.0.6"].reserved
    assert by_address["10.0.0.255"].reserved


def test_a_lease_outlives_its_guest(nova: Path) -> None:
    row = next(row for row in taken(nova).fixed_ips if row.address == "10.0.0.4")
    assert (row.allocated, row.leased, row.instance_uuid) == (False, True, GONE)
    assert (row.mac, row.port_id) == ("fa:16:3e:00:00:03", None)


def test_what_points_at_nothing_is_put_right_and_said(nova: Path) -> None:
    found = taken(nova)
    row = next(row for row in found.fixed_ips if row.address == "10.0.0.5")
    assert (row.allocated, row.leased, row.instance_uuid) == (False, False, None)
    floating = {row.address: row for row in found.floating_ips}
    assert floating["203.0.113.129"].fixed_ip_id == 3
    assert floating["203.0.113.131"].fixed_ip_id is None
    notes = "\n".join(found.notes)
    for word in ("10.0.0.5", "203.0.113.131", "1 security group", "1 network served by this host"):
        assert word in notes


VLAN = replace(OPTIONS, network_manager="nova.network.manager.VlanManager")


def test_networks_are_taken_over_with_the_manager_that_made_them(nova: Path) -> None:
    found = taken(nova)
    assert {network.manager for network in found.networks} == {"flatdhcp"}
    assert "2 networks of the flatdhcp manager" in found.notes


@pytest.mark.parametrize(
    ("vlan", "options", "words"),
    [
        (101, OPTIONS, "is of nova.network.manager.VlanManager, but network_manager is "),
        (None, VLAN, "has no VLAN, so that it is of nova.network.manager.FlatManager or "),
    ],
)
def test_networks_of_another_manager_are_refused(
    nova: Path, connection: Connection, vlan: int | None, options: Options, words: str
) -> None:
    rows = rows_of(nova)
    made = tuple(
        replace(row, vlan=vlan and vlan + row.id, bridge=f"br{row.id}") for row in rows.networks
    )
    change = ImportNova("nova", replace(rows, networks=made))
    with pytest.raises(Conflict, match=f"network 'vmnet' {words}.*set network_manager = "):
        change.write(connection, options)
    assert networks.every(connection) == ()
    if vlan:
        assert change.write(connection, VLAN).result.networks[0].manager == "vlan"


@pytest.mark.parametrize("namesake", ["web1", "WEB1"])
def test_two_instances_of_one_name_get_two(nova: Path, namesake: str) -> None:
    rows = rows_of(nova)
    named = tuple(
        replace(row, display_name=namesake, hostname=namesake) if row.uuid == WEB2 else row
        for row in rows.instances
    )
    found = takeover(replace(rows, instances=named), OPTIONS)
    distinct = WEB2[:8]
    assert [one.name for one in found.instances] == ["WEB1", f"{namesake}-{distinct}"]
    assert [one.hostname for one in found.instances] == ["web1", f"web1-{distinct}"]
    assert any(WEB2 in note for note in found.notes)


def test_names_that_people_read_are_kept_as_they_are(nova: Path) -> None:
    rows = rows_of(nova)
    network = replace(rows.networks[0], label="my net,tag:x\n", project_id="my project")
    found = takeover(replace(rows, networks=(network,)), OPTIONS)
    assert found.networks[0].label == "my net,tag:x-"
    assert found.networks[0].project_id == "my project"


GOOD = NovaNetwork(1, label="vmnet", cidr="10.0.0.0/24", bridge="br100")


@pytest.mark.parametrize(
    ("column", "network"),
    [
        ("cidr", replace(GOOD, cidr="10.0.0.0/33")),
        ("cidr", replace(GOOD, cidr=None)),
        ("gateway", replace(GOOD, gateway="10.0.0.1\n-j ACCEPT")),
        ("bridge", replace(GOOD, bridge="br100; reboot")),
        ("bridge", replace(GOOD, bridge=None)),
        ("dns1", replace(GOOD, dns1="8.8.8.8,1.1.1.1")),
        ("dhcp_start", replace(GOOD, dhcp_start="first")),
        ("project_id", replace(GOOD, project_id="a\nb")),
        ("host", replace(GOOD, host="a b")),
        ("uuid", replace(GOOD, uuid="no")),
        ("cidr_v6", replace(GOOD, cidr_v6="fd00::/129")),
        ("gateway_v6", replace(GOOD, gateway_v6="10.0.0.1")),
    ],
)
def test_a_value_that_breaks_a_rule_is_named(column: str, network: NovaNetwork) -> None:
    with pytest.raises(InvalidValue) as caught:
        takeover(NovaRows(networks=(network,)), OPTIONS)
    assert f"networks.{column}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_old_rows_without_uuid_and_dhcp_server(nova: Path) -> None:
    network = NovaNetwork(1, label="old", cidr="10.0.0.0/24", gateway="10.0.0.1", bridge="br100")
    first = takeover(NovaRows(networks=(network,)), OPTIONS).networks[0]
    again = takeover(NovaRows(networks=(network,)), OPTIONS).networks[0]
    assert first == again
    assert first.dhcp_server == "10.0.0.1"
    assert first.enable_dhcp is True


def test_everything_is_written_with_ids_of_our_own(nova: Path, connection: Connection) -> None:
    CreateNetwork("mine", "10.9.0.0/24", "br9").write(connection, OPTIONS)
    written = ImportNova("nova", rows_of(nova)).write(connection, OPTIONS)
    vmnet = networks.find(connection, VMNET)
    assert vmnet.id == 2
    port = instances.ports_of(connection, WEB1)[0]
    assert (port.mac, port.network_id) == ("fa:16:3e:00:00:01", vmnet.id)
    row = fixed_ips.find(connection, "10.0.0.2")
    assert (row.network_id, row.port_id, row.leased) == (vmnet.id, port.id, True)
    floating = floating_ips.find(connection, "203.0.113.129")
    assert (floating.fixed_ip_id, floating.project_id, floating.host) == (row.id, "demo", HOST)
    (lease,) = written.leases["br100"]
    assert (lease.address, lease.mac) == ("10.0.0.2", "fa:16:3e:00:00:01")


def test_groups_come_over_with_rules_members_and_what_new_ones_get(
    nova: Path, connection: Connection
) -> None:
    CreateSecurityGroup("demo2", "mine").write(connection, OPTIONS)
    taken_over = ImportNova("nova", rows_of(nova)).write(connection, OPTIONS).result
    default, web = security_group_views(connection, "demo")
    assert (default.group.name, default.group.description) == ("default", "the default one")
    assert default.group.id not in (1, 2), "those are of the project that was there"
    assert [told(view.rule) for view in default.rules] == [
        "icmp from 0.0.0.0/0",
        "tcp 22 from 0.0.0.0/0",
        "tcp 1-9 from 10.9.0.0/16",
    ]
    sources = [
        (told(view.rule, view.source.name if view.source else None), view.source)
        for view in web.rules
    ]
    assert sources == [
        ("everything from group default", default.group),
        ("udp 1-65535 from group web", web.group),
    ]
    assert {instance.uuid for instance in default.members} == {WEB1, WEB2}
    assert [instance.uuid for instance in web.members] == [WEB1]
    assert [told(rule) for rule in security_groups.default_rules(connection)] == [
        "tcp 22 from 0.0.0.0/0"
    ]
    left_out = [note for note in taken_over.notes if "left out" in note]
    assert "1 security group rule whose group is gone left out" in left_out
    assert "1 security group rule for a source group that is gone left out" in left_out


def test_a_group_that_clashes_with_the_store_is_refused_by_name(
    nova: Path, connection: Connection
) -> None:
    CreateSecurityGroup("demo", "web").write(connection, OPTIONS)
    with pytest.raises(Conflict, match="security group 'default' exists already in project 'demo'"):
        ImportNova("nova", rows_of(nova)).write(connection, OPTIONS)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (NovaSecurityGroupRule(1, 1, "sctp", 1, 2, "::/0"), "protocol of id 1 'sctp': must be tcp"),
        (NovaSecurityGroupRule(1, 1, "tcp", 0, 2, "::/0"), "from_port of id 1 '0': must be 1 to"),
        (NovaSecurityGroupRule(1, 1, "udp", 9, 2, "::/0"), "to_port of id 1 '2': must not be less"),
        (NovaSecurityGroupRule(1, 1, "icmp", 8, 999, "::/0"), "to_port of id 1 '999': must be -1"),
        (NovaSecurityGroupRule(1, 1, "tcp", 1, 2, "10.0.0.1"), "cidr of id 1 '10.0.0.1': must be"),
    ],
)
def test_a_rule_that_breaks_a_rule_is_named(row: NovaSecurityGroupRule, says: str) -> None:
    groups = (NovaSecurityGroup(1, "default", "d", "demo"),)
    with pytest.raises(InvalidValue, match=re.escape(says)):
        takeover(NovaRows(security_groups=groups, security_group_rules=(row,)), OPTIONS)


def test_rules_of_one_meaning_are_one(nova: Path) -> None:
    groups = (NovaSecurityGroup(1, "default", None, "demo"),)
    rules = tuple(
        NovaSecurityGroupRule(number, 1, protocol, 22, 22, cidr)
        for number, (protocol, cidr) in enumerate(
            (("tcp", "10.0.0.0/8"), ("TCP", "10.0.0.0/8"), ("tcp", "10.9.9.9/8"))
        )
    )
    found = takeover(NovaRows(security_groups=groups, security_group_rules=rules), OPTIONS)
    assert len(found.security_group_rules) == 1
    assert found.security_groups[0].description == "default"


def test_leases_of_the_gone_run_out_where_they_are_not_released(
    nova: Path, connection: Connection
) -> None:
    patient = replace(OPTIONS, force_dhcp_release=False)
    leases = ImportNova("nova", rows_of(nova)).write(connection, patient).leases["br100"]
    assert [lease.address for lease in leases] == ["10.0.0.2", "10.0.0.4"]


@pytest.mark.parametrize(
    ("label", "cidr", "words"),
    [
        ("mine", "10.0.0.0/16", "10.0.0.0/24 overlaps 10.0.0.0/16 of network 'mine'"),
        ("vmnet", "10.9.0.0/16", "label 'vmnet' is taken"),
    ],
)
def test_a_clash_with_the_store_is_refused_by_name(
    nova: Path, connection: Connection, label: str, cidr: str, words: str
) -> None:
    CreateNetwork(label, cidr, "br9").write(connection, OPTIONS)
    with pytest.raises(Conflict, match=words):
        ImportNova("nova", rows_of(nova)).write(connection, OPTIONS)


def test_twice_is_refused(nova: Path, connection: Connection) -> None:
    change = ImportNova("nova", rows_of(nova))
    change.write(connection, OPTIONS)
    with pytest.raises(Conflict, match="vmnet"):
        change.write(connection, OPTIONS)


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("nonsense", InvalidValue, "must be a database URL"),
        ("oracle://nova:secret@db/nova", InvalidValue, "must be a database URL"),
        ("sqlite://", InvalidValue, "must be a database URL"),
        ("sqlite:////nowhere/nova.sqlite", Unavailable, "/nowhere/nova.sqlite does not exist"),
    ],
)
def test_a_database_that_cannot_be_read_is_one_line(
    url: str, error: type[NetconsoleError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        database.read(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(b"")
    with pytest.raises(Unavailable, match="no table networks"):
        rows_of(path)
    path.write_bytes(b"garbage" * 200)
    with pytest.raises(Unavailable, match="not a database"):
        rows_of(path)


def test_a_missing_driver_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymysql", None)
    with pytest.raises(Unavailable, match=r"PyMySQL.*pip install 'netconsole\[mysql\]'"):
        database.read("mysql+pymysql://nova:secret@db/nova")


def test_a_schema_of_before_a_column_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    nova_database.create(path, "ALTER TABLE networks DROP COLUMN share_address;")
    assert [row.share_address for row in rows_of(path).networks] == [False, False]


NETWORK_TEXTS = [each.name for each in fields(NovaNetwork) if str(each.type) == "str | None"]
TEXT = st.none() | st.text(max_size=300) | st.sampled_from(["10.0.0.1", "br100", "10.0.0.0/24"])


def networks_with_any(column: str) -> st.SearchStrategy[NovaNetwork]:
    """Networks that are in order but for one column, which holds anything."""
    good = {"cidr": st.just("10.0.0.0/24"), "bridge": st.just("br100")}
    return st.builds(NovaNetwork, st.just(1), **(good | {column: TEXT}))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NETWORK_TEXTS).flatmap(networks_with_any))
def test_no_text_of_a_network_gets_past_the_rules(row: NovaNetwork) -> None:
    """What comes out may stand in a dnsmasq argument or a rule: no blank, comma or line break."""
    try:
        (network,) = takeover(NovaRows(networks=(row,)), OPTIONS).networks
    except InvalidValue:
        return
    assert network.label.isprintable()
    assert (network.project_id or "").isprintable()
    for value in asdict(replace(network, label="", project_id=None)).values():
        assert re.fullmatch(r"[A-Za-z0-9._:/-]*", str(value)), value


@given(st.text(max_size=300), st.text(max_size=300))
def test_every_instance_gets_a_name_and_a_host_name(hostname: str, display: str) -> None:
    instance = NovaInstance(WEB1, "demo", hostname, display, HOST)
    port = NovaInterface(1, "fa:16:3e:00:00:01", 1, WEB1, WEB1)
    found = takeover(NovaRows((GOOD,), (), (), (port,), (instance,)), OPTIONS).instances
    assert validate.display_name("name", found[0].name) == found[0].name
    assert validate.domain("host name", f"{dhcp.hostname(found[0].hostname)}.novalocal")

"""A change about one port: what it looks at, what it leaves alone, and when it looks at all."""

import pytest
from cloud import FLOATING, answer, configure, create_cloud, create_network, netconsole, plug_in
from counted_session import CountedSession, Told
from kills import killed
from private_host import PrivateHost

NETWORKS = "/var/lib/netconsole/networks"
HOSTS = f"{NETWORKS}/nova-br100.hosts"
MARK = "/run/netconsole"

MORE_GUESTS = """
from netconsole.backend.configuration.loading import load
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.store import Store, allocations, fixed_ips, instances, networks

with Store(load().connection).transaction() as connection:
    (network,) = networks.every(connection)
    for number in range(200):
        uuid, name = f"instance-{number}", f"far{number}"
        instances.insert(connection, Instance(uuid, name, "demo", "elsewhere", name))
        mac = f"fa:16:3e:00:00:{number:02x}"
        port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"far{number}")
        made = instances.insert_port(connection, port)
        allocations.allocate(connection, network, uuid, made.id)
"""

BY_NAME = """
from netconsole.backend.kernel import links

found, addresses = links.observe_some(["br100", "uplink0", "nowhere"], ["br100"])
every = links.observe_links()
on_bridge = tuple(each for each in links.observe_addresses() if each.interface == "br100")
print(found == {name: every[name] for name in ("br100", "eth0")}, addresses == on_bridge != ())
"""

BY_ALIAS = """
from netconsole.backend.host.batch import refuse_foreign
from netconsole.backend.kernel.aliases import alias_of
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.steps import RemoveLink

print(alias_of("br100"), alias_of("eth0"), alias_of("nowhere"), alias_of("a_name_too_long_"))
refuse_foreign(RemoveLink(name, "bridge", "") for name in ("br100", "nowhere"))
try:
    refuse_foreign((RemoveLink("eth0", "veth", ""),))
except StepFailed as error:
    print(error)
"""


@pytest.fixture
def session(host: PrivateHost) -> CountedSession:
    """On a host with a network and the guest web1."""
    create_network(host, "quota_fixed_ips = -1")
    created = CountedSession(host)
    create(created, "web1")
    return created


def create(session: CountedSession, name: str, **more: object) -> Told:
    return session.change("CreateInstance", name=name, project="demo", **more)


def delete(session: CountedSession, name: str) -> Told:
    return session.change("DeleteInstance", instance=name)


def nothing_to_do(host: PrivateHost) -> bool:
    """Whether the whole host is as the whole store says."""
    return host.run("netconsole", "plan", check=False).stdout == ""


def instances(host: PrivateHost) -> set[str]:
    return {view["instance"]["name"] for view in answer(host, "instance", "list")}


def only_port(host: PrivateHost, name: str) -> dict[str, str]:
    (view,) = answer(host, "instance", "show", name)["ports"]
    return dict(view["port"])


def test_a_look_at_what_a_change_would_do_writes_nothing_down(
    host: PrivateHost,
    session: CountedSession,
) -> None:
    """Nor does what is noted of the guards, for what comes next to be looked at faster."""
    host.run("sh", "-c", "rm -f /run/netconsole/guards-*.json")
    state = ("find", "/run/netconsole", "/var/lib/netconsole", "-type", "f", "-exec", "md5sum")
    before = host.run(*state, "{}", "+").stdout
    for name in ("web8", "web9"):
        assert netconsole(host, "instance", "create", name, "--project", "demo", "--dry-run")
    assert host.run(*state, "{}", "+").stdout == before


def test_a_port_comes_and_goes_without_a_look_at_the_others(
    host: PrivateHost, session: CountedSession
) -> None:
    host.run("ip", "netns", "add", "web2")
    create(
        session, "web0", fixed_addresses=["10.0.0.9"]
    )  # nft says once of the guards what all ports share
    delete(session, "web0")
    made = create(session, "web2", port_kind="veth")
    assert not made.is_whole
    assert not made.looks_everywhere
    assert nothing_to_do(host)
    (view,) = answer(host, "instance", "show", "web2")["ports"]
    plug_in(host, "web2", view, "eth0")
    assert "10.0.0.3" in host.read(f"{NETWORKS}/nova-br100.leases")

    gone = delete(session, "web2")
    assert not gone.is_whole
    assert not gone.looks_everywhere
    assert any("dhcp_release" in program for program in gone.programs)
    assert nothing_to_do(host)
    assert "10.0.0.3" not in host.read(f"{NETWORKS}/nova-br100.leases")
    assert [row["address"] for row in answer(host, "status")["allocations"]] == ["10.0.0.2"]
    assert view["port"]["device"] not in host.run("ip", "-brief", "link").stdout

    # Its address goes on to another, so that dnsmasq has to forget that it was the first one's.
    again = create(session, "web3", port_kind="veth", fixed_addresses=["10.0.0.3"])
    assert not again.is_whole
    assert any("-HUP" in command for command in again.commands)
    assert nothing_to_do(host)
    host.run("ip", "netns", "add", "web3")
    plug_in(host, "web3", answer(host, "instance", "show", "web3")["ports"][0], "eth0")


def test_links_that_are_asked_for_by_name_are_as_among_all(host: PrivateHost) -> None:
    """One of them by another name, one of them not there."""
    create_network(host)
    host.run("ip", "link", "property", "add", "dev", "eth0", "altname", "uplink0")
    assert host.run("python3", "-c", BY_NAME).stdout == "True True\n"

    # One that is to be removed is asked for its alias alone, and has to be ours.
    host.run("ip", "link", "set", "dev", "eth0", "alias", "the office")
    told, refused = host.run("python3", "-c", BY_ALIAS).stdout.splitlines()
    assert told.startswith("netconsole:")
    assert told.endswith(" the office None None")
    assert refused == "eth0 does not say that it is ours (ip link, alias): left alone"


def test_what_is_asked_for_does_not_grow_with_the_guests(
    host: PrivateHost, session: CountedSession
) -> None:
    def asked() -> dict[str, tuple[int, int, int]]:
        """With the same MAC address, as each one that was given up is a file that is read."""
        created = create(session, "new", macs=["fa:16:3e:77:00:01"])
        told = {"create": created, "delete": delete(session, "new")}
        assert not any(each.is_whole for each in told.values())
        return {
            name: (len(each.programs), len(each.files), len(each.queries))
            for name, each in told.items()
        }

    asked()
    few = [asked() for _ in range(3)]
    host.run("python3", "-c", MORE_GUESTS)
    netconsole(host, "apply")
    assert len(host.run("ls", HOSTS).stdout.splitlines()) > 200
    many = [asked() for _ in range(3)]

    for name in ("create", "delete"):
        for number, what in enumerate(("programs", "files", "queries")):
            least = [min(each[name][number] for each in times) for times in (few, many)]
            assert least[0] == least[1], f"{what} of {name}"
    assert nothing_to_do(host)


BREAKS: dict[str, tuple[str, ...]] = {
    "no bridge": ("ip", "link", "delete", "br100"),
    "the bridge is down": ("ip", "link", "set", "br100", "down"),
    "no gateway": ("ip", "address", "del", "10.0.0.1/24", "dev", "br100"),
    "no dnsmasq": ("pkill", "-KILL", "-x", "dnsmasq"),
    "no pid file": ("rm", "-f", f"{NETWORKS}/nova-br100.pid"),
    "other DHCP options": ("sh", "-c", f"echo 3,10.0.0.9 > {NETWORKS}/nova-br100.opts"),
    "a host of nobody": (
        *("sh", "-c"),
        f"echo fa:16:3e:99:99:99,x,10.0.0.3 > {HOSTS}/fa-16-3e-99-99-99",
    ),
    "no hosts": ("mv", HOSTS, "/run/hosts"),
    "no forwarding": ("sysctl", "-w", "net.ipv4.ip_forward=0"),
    "no mark": ("find", MARK, "-type", "f", "-delete"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_where_what_a_port_stands_on_is_amiss_the_whole_host_is_looked_at(
    host: PrivateHost, session: CountedSession, broken: str
) -> None:
    assert not create(session, "usual").is_whole
    assert not delete(session, "usual").is_whole
    host.run(*BREAKS[broken])
    assert create(session, "web2").is_whole
    assert nothing_to_do(host)
    host.run(*BREAKS[broken])
    assert delete(session, "web1").is_whole
    assert nothing_to_do(host)


def test_the_first_port_of_a_network_and_the_last_bring_and_take_its_bridge(
    host: PrivateHost,
) -> None:
    configure(host)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--multi-host", "T")
    netconsole(host, "network", "create", "vmnet", *words)
    session = CountedSession(host)
    assert create(session, "web1").is_whole
    assert not create(session, "web2").is_whole
    assert not delete(session, "web1").is_whole
    assert nothing_to_do(host)
    assert delete(session, "web2").is_whole
    assert "br100" not in host.run("ip", "-brief", "link").stdout
    assert nothing_to_do(host)


def test_what_is_amiss_elsewhere_is_left_alone_and_shown(
    host: PrivateHost, session: CountedSession
) -> None:
    device = only_port(host, "web1")["device"]
    host.run("ip", "link", "set", device, "down")
    host.run("iptables", "-F", "nova-network-FORWARD")
    assert not create(session, "web2").is_whole
    assert not delete(session, "web2").is_whole
    drift = host.run("netconsole", "plan", check=False).stdout
    assert f"ip link set dev {device} up" in drift
    assert "nova-network-FORWARD" in drift
    assert "web2" not in drift
    netconsole(host, "apply")
    assert nothing_to_do(host)


def test_a_chain_of_a_guest_goes_with_what_others_led_there(
    host: PrivateHost, session: CountedSession
) -> None:
    """Its rule is in a chain that a change of a port does not list."""
    create(session, "web2")
    chains = host.run("iptables", "-S").stdout.split()
    chain = max(each for each in chains if each.startswith("nova-network-inst-"))
    host.run("iptables", "-A", "INPUT", "-s", "192.0.2.1", "-j", chain)
    assert delete(session, "web2").is_whole
    assert chain not in host.run("iptables", "-S").stdout
    assert nothing_to_do(host)


def test_a_port_that_is_gone_or_anothers_is_left_as_it_is(
    host: PrivateHost, session: CountedSession
) -> None:
    create(session, "web2")
    gone, taken = (only_port(host, name)["device"] for name in ("web1", "web2"))
    for device in (gone, taken):
        host.run("ip", "link", "delete", device)
    host.run("ip", "tuntap", "add", taken, "mode", "tap")
    for name in ("web1", "web2"):
        assert not delete(session, name).is_whole
    assert nothing_to_do(host)
    assert taken in host.run("ip", "-brief", "link").stdout


def test_what_fails_on_the_way_leaves_no_trace(host: PrivateHost, session: CountedSession) -> None:
    before = host.run("ip", "-brief", "link").stdout
    host.run("mount", "--bind", HOSTS, HOSTS)
    host.run("mount", "-o", "remount,bind,ro", HOSTS)
    words = ("instance", "create", "web2", "--project", "demo", "--network", "vmnet")
    refused = host.run("netconsole", *words, check=False)
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr
    host.run("umount", HOSTS)
    assert host.run("ip", "-brief", "link").stdout == before
    assert instances(host) == {"web1"}
    assert nothing_to_do(host)
    assert not create(session, "web2").is_whole


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_after_a_kill_the_next_change_of_a_port_takes_it_back_first(
    host: PrivateHost, session: CountedSession, verb: str
) -> None:
    create(session, "web2")
    words = {
        "create": ("instance", "create", "web3", "--project", "demo", "--network", "vmnet"),
        "delete": ("instance", "delete", "web2"),
    }
    number = 0
    while killed(host, number, "after", *words[verb]):
        assert not create(session, "more").is_whole
        assert nothing_to_do(host)
        assert instances(host) == {"web1", "web2", "more"}
        assert not delete(session, "more").is_whole
        number += 1
    assert number >= 2
    assert nothing_to_do(host)


def test_other_changes_of_a_port_look_at_it_alone(
    host: PrivateHost, session: CountedSession
) -> None:
    network = ("--fixed-range-v4", "10.0.1.0/24", "--bridge", "br101")
    netconsole(host, "network", "create", "second", *network)
    create(session, "web2", networks=["vmnet"])
    for told in (
        session.change("AddFixedIP", instance="web2", network="vmnet"),
        session.change("AddFixedIP", instance="web2", network="second"),
        session.change("RemoveFixedIP", instance="web2", fixed_address="10.0.0.3"),
        session.change("RemoveFixedIP", instance="web2", fixed_address="10.0.0.4"),
        create(session, "web3", networks=["second", "vmnet"]),
        delete(session, "web2"),
        delete(session, "web3"),
    ):
        assert not told.is_whole
        assert nothing_to_do(host)


def test_a_port_with_a_floating_address_takes_its_rules_along(host: PrivateHost) -> None:
    create_cloud(host)
    session = CountedSession(host)
    assert session.change("RemoveFixedIP", instance="web1", fixed_address="10.0.0.2").is_whole
    assert nothing_to_do(host)
    session.change("AddFixedIP", instance="web1", network="vmnet")
    session.change("AssociateFloating", address=FLOATING, instance="web1")
    assert delete(session, "web1").is_whole
    assert nothing_to_do(host)
    assert FLOATING not in host.run("iptables-save").stdout

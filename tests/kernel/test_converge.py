"""Drift: every kind of damage is seen, mended, and leaves what is not ours alone."""

import re
from collections.abc import Iterator

import pytest
from cloud import FLOATING, answer, create_cloud, held, netconsole, reaches
from private_host import PrivateHost

DAMAGE = {
    "chain flushed": (("iptables", "-t", "nat", "-F", "nova-network-PREROUTING"), FLOATING),
    "rule deleted": (
        ("iptables", "-D", "nova-network-FORWARD", "-i", "br100", "-j", "ACCEPT"),
        "nova-network-FORWARD",
    ),
    "rule added to a chain of ours": (
        ("iptables", "-I", "nova-network-FORWARD", "-j", "DROP"),
        "-D nova-network-FORWARD -j DROP",
    ),
    "rule there twice": (
        ("iptables", "-A", "nova-network-FORWARD", "-i", "br100", "-j", "ACCEPT"),
        "-D nova-network-FORWARD",
    ),
    "jump deleted": (
        ("iptables", "-t", "nat", "-D", "POSTROUTING", "-j", "nova-postrouting-bottom"),
        "-j nova-postrouting-bottom",
    ),
    "table flushed": (("iptables", "-t", "nat", "-F"), FLOATING),
    "floating address": (
        ("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0"),
        f"ip address add {FLOATING}/32",
    ),
    "gateway address": (
        ("ip", "address", "del", "10.0.0.1/24", "dev", "br100"),
        "ip address add 10.0.0.1/24",
    ),
    "ip_forward": (("sysctl", "-w", "net.ipv4.ip_forward=0"), "net.ipv4.ip_forward=1"),
    "bridge down": (("ip", "link", "set", "br100", "down"), "br100 up"),
    "bridge gone": (("ip", "link", "del", "br100"), "ip link add name br100"),
    "port out of the bridge": (
        ("sh", "-c", "ip link set dev $(ls /sys/class/net | grep veth) nomaster"),
        "master br100",
    ),
    "port down": (
        ("sh", "-c", "ip link set dev $(ls /sys/class/net | grep veth) down"),
        " up",
    ),
    "dnsmasq killed": (("pkill", "-KILL", "-x", "dnsmasq"), "dnsmasq --strict-order"),
    "host file": (
        ("sh", "-c", "rm /var/lib/netconsole/networks/nova-br100.hosts/*"),
        "nova-br100.hosts",
    ),
    "host file changed": (
        ("sh", "-c", "echo nonsense > /var/lib/netconsole/networks/nova-br100.hosts/fa*"),
        "kill -HUP",
    ),
    "options file": (("rm", "/var/lib/netconsole/networks/nova-br100.opts"), "nova-br100.opts"),
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[PrivateHost]:
    """A host that is whole again after each damage."""
    with PrivateHost() as host:
        create_cloud(host)
        yield host


@pytest.mark.parametrize(("command", "named"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named_and_mended(
    cloud: PrivateHost, command: tuple[str, ...], named: str
) -> None:
    host, whole = cloud, held(cloud)
    host.run(*command)
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    assert named in planned.stdout
    drift = answer(host, "status")["drift"]
    assert named in " ".join(command for step in drift for command in step["commands"])

    netconsole(host, "apply")
    again = host.run("netconsole", "plan", check=False)
    assert (again.returncode, again.stdout) == (0, "")
    assert unordered(held(host)) == unordered(whole)


def unordered(lines: list[str]) -> list[str]:
    """Addresses and links come back in another order; rules must not."""
    return sorted(line.replace("10.8.0.1/24 ", "").strip() for line in lines)


def test_a_second_apply_does_nothing(host: PrivateHost) -> None:
    create_cloud(host)
    before = answer(host, "history")
    netconsole(host, "apply")
    steps = answer(host, "history")[0]
    assert len(answer(host, "history")) == len(before) + 1
    assert steps["end"] == "done"
    assert host.run("netconsole", "plan", check=False).returncode == 0


def counters(host: PrivateHost) -> dict[str, str]:
    """The packet counter of each rule of the nat and filter tables."""
    found = {}
    for line in host.run("iptables-save", "-c").stdout.splitlines():
        if match := re.match(r"\[(\d+):\d+\] (-A .*)", line):
            found[match.group(2)] = match.group(1)
    return found


def test_foreign_rules_and_the_counters_of_what_did_not_change_stay(host: PrivateHost) -> None:
    create_cloud(host)
    foreign = "-A PREROUTING -s 203.0.113.1/32 -p icmp -j ACCEPT"
    host.run("iptables", "-t", "nat", "-A", "PREROUTING", "-d", "198.51.100.9/32", "-j", "ACCEPT")
    host.run("iptables", "-t", "filter", "-I", "FORWARD", *foreign.split()[2:])
    assert reaches(host)
    before = counters(host)
    counted = "-A nova-network-FORWARD -i br100 -j ACCEPT"
    assert int(before[counted]) > 0
    host.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
    host.run("iptables", "-D", "nova-network-FORWARD", "-o", "br100", "-j", "ACCEPT")

    netconsole(host, "apply")

    after = counters(host)
    assert "-A PREROUTING -d 198.51.100.9/32 -j ACCEPT" in after
    assert after["-A FORWARD -s 203.0.113.1/32 -p icmp -j ACCEPT"] != "0"
    assert int(after[counted]) >= int(before[counted])
    assert reaches(host)
    drift = host.run("netconsole", "plan", check=False)
    assert drift.returncode == 0


def test_other_dnsmasq_processes_are_shown_and_left_alone(host: PrivateHost) -> None:
    create_cloud(host)
    host.run(
        "dnsmasq",
        "--conf-file=",
        "--port=0",
        "--pid-file=/run/other.pid",
        "--interface=lo",
        "--dhcp-range=127.0.0.5,static",
        "--bind-interfaces",
    )
    host.run("iptables", "-t", "nat", "-F")
    netconsole(host, "apply")
    states = {entry["state"] for entry in answer(host, "status")["dnsmasq"]}
    assert states == {"running", "foreign"}


def test_one_dnsmasq_too_many_is_ended_and_the_other_goes_on(host: PrivateHost) -> None:
    create_cloud(host)
    first = answer(host, "status")["dnsmasq"][0]
    command = first["command"].replace("nova-br100.leases", "nova-br100.leases2")
    command = command.replace(" --interface=br100", "")
    host.run("sh", "-c", command.replace("--listen-address=10.0.0.1", "--listen-address=127.0.0.9"))
    states = sorted(entry["state"] for entry in answer(host, "status")["dnsmasq"])
    assert states == ["running", "stale"]
    netconsole(host, "apply")
    left = answer(host, "status")["dnsmasq"]
    assert [(entry["state"], len(entry["pids"])) for entry in left] == [("running", 1)]


@pytest.mark.parametrize("kind", ["iptables-legacy", "iptables-nft"])
def test_both_kinds_of_iptables_read_back_as_they_were_written(
    host: PrivateHost, kind: str
) -> None:
    variant = kind.removeprefix("iptables-")
    for program in ("iptables", "iptables-save", "iptables-restore"):
        name = program.replace("iptables", kind)
        host.run("ln", "-sf", f"/usr/sbin/{name}", f"/etc/alternatives/{program}")
    assert variant.replace("nft", "nf_tables") in host.run("iptables", "-V").stdout
    create_cloud(host)
    assert reaches(host)
    assert host.run("netconsole", "plan", check=False).stdout == ""
    netconsole(host, "floating", "disassociate", FLOATING)
    assert not reaches(host)


def test_legacy_rules_beside_ours_are_shown(host: PrivateHost) -> None:
    create_cloud(host)
    rule = "-s 10.1.0.0/16 ! -d 10.2.0.1/32 -i eth0 -p tcp -m tcp --dport 80 -j DNAT"
    target = "--to-destination 192.0.2.7:80"
    added = f"{rule} {target}".split()
    host.run("iptables-legacy", "-t", "nat", "-A", "PREROUTING", *added)
    host.run(
        *("iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-m", "conntrack", "!"),
        *("--ctstate", "DNAT", "-m", "comment", "--comment", "by hand", "-j", "MASQUERADE"),
    )
    legacy = [entry for entry in answer(host, "status")["nat"] if entry["legacy"]]
    assert [(entry["chain"], entry["rule"], entry["origin"]) for entry in legacy] == [
        ("PREROUTING", f"{rule} {target}", "foreign"),
        (
            "POSTROUTING",
            '-m conntrack ! --ctstate DNAT -m comment --comment "by hand" -j MASQUERADE',
            "foreign",
        ),
    ]
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_a_restart_for_changed_arguments_is_announced_and_loses_no_lease(
    host: PrivateHost,
) -> None:
    create_cloud(host)
    configuration = host.read("/etc/netconsole/netconsole.conf")
    host.write("/etc/netconsole/netconsole.conf", f"{configuration}dhcp_lease_time = 3600\n")
    words = "restarts the dnsmasq of br100: its arguments changed"
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    assert words in planned.stderr
    assert words in host.run("netconsole", "apply").stderr
    assert "3600s" in answer(host, "status")["dnsmasq"][0]["command"]
    assert answer(host, "status")["allocations"][0]["leased"] is True

"""What cannot be had does not hold up what can: it is named, left as it is, and had once it can."""

import json

import pytest
from cloud import FLOATING, answer, configure, held, netconsole
from private_host import PrivateHost, eventually

NETWORK = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")


def uplink(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    host.run("ip", "link", "set", "wire", "up")


def bridge_state(host: PrivateHost) -> str:
    """Return what the first bridge is; of a port's carrier the kernel tells it a moment later."""
    state: str = answer(host, "status")["networks"][0]["bridge_state"]
    return state


REFUSING = """#!/bin/sh
[ "$1" = -batch ] || exec /run/ip "$@"
lines=$(cat)
number=$(echo "$lines" | grep -n "^LINE" | head -n 1 | cut -d: -f1)
[ "$number" ] || { echo "$lines" | /run/ip "$@"; exit $?; }
echo "$lines" | head -n $((number - 1)) | /run/ip "$@" || exit
echo "RTNETLINK answers: Operation not permitted" >&2
echo "Command failed -:$number" >&2
exit 1
"""
"""An `ip` for which the kernel does not do what a line of a batch says."""


def refuse(host: PrivateHost, line: str) -> str:
    """Let a line of a batch fail that begins so; return what to unmount for it to be done again."""
    path = host.run("sh", "-c", 'readlink -f "$(command -v ip)"').stdout.strip()
    host.run("cp", path, "/run/ip")
    host.write("/run/refusing", REFUSING.replace("LINE", line))
    host.run("chmod", "+x", "/run/refusing")
    host.run("mount", "--bind", "/run/refusing", path)
    return path


def create(host: PrivateHost) -> list[str]:
    """A network over eth1, an instance, a floating address; return what the host has."""
    configure(host, "flat_interface = eth1")
    uplink(host)
    netconsole(host, *NETWORK)
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--port-kind", "tap")
    netconsole(host, "floating", "create", "--pool", "nova", "--ip-range", f"{FLOATING}/32")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    return sorted(held(host))


def start_anew(host: PrivateHost) -> None:
    """Take away what a kernel loses when it starts, and eth1."""
    for server in answer(host, "status")["dnsmasq"]:
        for pid in server["pids"]:
            host.run("kill", "-KILL", str(pid))
    for device in (
        "br100",
        "wire",
        *(port["device"] for port in answer(host, "status")["allocations"]),
    ):
        host.run("ip", "link", "delete", device)
    host.run("ip", "address", "flush", "dev", "eth0", "to", f"{FLOATING}/32")
    for table in ("nat", "filter", "mangle", "raw"):
        host.run("iptables", "-t", table, "-F")
        host.run("iptables", "-t", table, "-X")
    host.run("nft", "delete", "table", "netdev", "netconsole")
    host.run("rm", "-r", "/run/netconsole")


def test_a_host_without_its_uplink_has_all_else(host: PrivateHost) -> None:
    whole = create(host)
    start_anew(host)

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert "done but for: flat_interface 'eth1' is wanted by a network" in done.stderr
    (entry, *_) = answer(host, "history")
    line = json.loads(host.read("/var/lib/netconsole/audit.jsonl").splitlines()[-1])
    assert (entry["end"], line["end"]) == ("failed", "failed")
    assert "flat_interface 'eth1'" in entry["because"]
    assert "flat_interface 'eth1'" in line["outcome"]
    status = answer(host, "status")
    (network,), (port,), (server,) = status["networks"], status["allocations"], status["dnsmasq"]
    assert (network["bridge_state"], network["state"]) == ("no carrier", "drift")
    assert port["device_state"] in ("up", "no carrier")
    assert server["state"] == "running"
    assert [each["state"] for each in status["floating_ips"]] == ["ok"]
    assert status["drift"] == []
    (obstacle,) = status["host"]["obstacles"]
    assert "eth1" in obstacle
    assert "1 thing not to be had here" in netconsole(host, "status").splitlines()[0]
    planned = host.run("netconsole", "plan", check=False)
    assert (planned.returncode, planned.stdout) == (1, "")
    assert "left as it is: flat_interface 'eth1'" in planned.stderr
    again = host.run("netconsole", "apply", check=False)
    assert again.returncode == 1
    assert "apply: cannot have: flat_interface 'eth1'" in again.stderr

    uplink(host)
    netconsole(host, "apply")

    assert sorted(held(host)) == whole
    assert answer(host, "status")["host"]["obstacles"] == []


def test_after_a_boot_a_lost_configuration_of_dnsmasq_holds_up_that_alone(
    host: PrivateHost,
) -> None:
    whole = create(host)
    start_anew(host)
    uplink(host)
    options = "dnsmasq_config_file = /run/lost.conf", "flat_interface = eth1"
    configure(host, *options)

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert "done but for: dnsmasq_config_file '/run/lost.conf': No such file" in done.stderr
    status = answer(host, "status")
    (port,) = status["allocations"]
    eventually(lambda: bridge_state(host) == "up")
    assert port["device_state"] in ("up", "no carrier")
    assert [each["state"] for each in status["floating_ips"]] == ["ok"]

    configure(host, "flat_interface = eth1")
    netconsole(host, "apply")

    assert sorted(held(host)) == whole


def test_other_changes_go_on_and_say_what_is_left(host: PrivateHost) -> None:
    create(host)
    host.run("ip", "link", "delete", "wire")

    made = host.run("netconsole", "instance", "create", "web2", "--project", "demo")
    added = host.run(
        *("netconsole", "network", "create", "other", "--fixed-range-v4", "10.1.0.0/24"),
        *("--bridge", "br101", "--bridge-interface", "eth9"),
        check=False,
    )

    assert made.returncode == 0
    assert added.returncode != 0
    assert [each["label"] for each in answer(host, "network", "list")] == ["vmnet"]


@pytest.mark.parametrize("name", ["lo", "eth2", "br100", "eth9"])
def test_a_mistaken_name_takes_no_uplink_away(host: PrivateHost, name: str) -> None:
    create(host)
    host.run("ip", "address", "add", "198.51.100.2/24", "dev", "br100")
    host.run("ip", "link", "add", "theirs", "type", "bridge")
    host.run("ip", "link", "add", "eth2", "master", "theirs", "type", "veth", "peer", "name", "w2")
    before = held(host)
    configure(host, f"flat_interface = {name}")

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 1
    assert f"flat_interface '{name}'" in done.stderr
    assert held(host) == before


def test_a_port_of_others_does_not_hold_up_the_rest(host: PrivateHost) -> None:
    create(host)
    host.run("ip", "tuntap", "add", "dev", "vnet0", "mode", "tap")
    host.run("ip", "link", "set", "vnet0", "master", "br100", "up")
    host.run("ip", "link", "delete", "wire")
    host.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert FLOATING in host.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout


def test_a_dnsmasq_that_cannot_start_keeps_no_other_from_it(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, *NETWORK)
    netconsole(
        host,
        *("network", "create", "other", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101"),
    )
    for server in answer(host, "status")["dnsmasq"]:
        for pid in server["pids"]:
            host.run("kill", "-KILL", str(pid))
    eventually(lambda: "10.0.0.1:53 " not in host.run("ss", "-lnu").stdout)
    host.run(
        *("dnsmasq", "--conf-file=/dev/null", "--pid-file=/run/other.pid", "--bind-interfaces"),
        *("--listen-address=10.0.0.1", "--except-interface=lo", "--no-resolv"),
    )
    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert "br100" in done.stderr
    states = {each["bridge"]: each["state"] for each in answer(host, "status")["dnsmasq"]}
    assert states["br101"] == "running"

    host.run("kill", host.read("/run/other.pid").strip())
    eventually(lambda: "10.0.0.1:53 " not in host.run("ss", "-lnu").stdout)
    netconsole(host, "apply")

    assert {each["state"] for each in answer(host, "status")["dnsmasq"]} == {"running"}


def test_a_bridge_that_cannot_be_made_keeps_no_other_from_it(host: PrivateHost) -> None:
    """What was to be on it is not tried, and history says that not all was done."""
    configure(host)
    uplink(host)
    more = ("--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(host, *NETWORK)
    netconsole(host, "network", "create", "other", *more)
    for name, network in (("web1", "vmnet"), ("web2", "other")):
        words = ("--project", "demo", "--port-kind", "tap", "--network", network)
        netconsole(host, "instance", "create", name, *words)
    host.run("ip", "link", "delete", "br101")
    start_anew(host)
    path = refuse(host, "link add name br100 ")

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert "ip link add name br100" in done.stderr
    assert "Cannot find device" not in done.stderr
    states = {each["bridge"]: each["state"] for each in answer(host, "status")["dnsmasq"]}
    assert states["br101"] == "running"
    assert "UP" in host.run("ip", "-brief", "link", "show", "master", "br101").stdout
    (last, *_) = answer(host, "history")
    assert last["end"] == "failed"
    assert "ip link add name br100" in last["because"]

    host.run("umount", path)
    netconsole(host, "apply")

    assert {each["state"] for each in answer(host, "status")["dnsmasq"]} == {"running"}
    assert "UP" in host.run("ip", "-brief", "link", "show", "master", "br100").stdout
    (last, *_) = answer(host, "history")
    assert last["end"] == "done"


LEADING = {
    "rule": ("add", "rule", "ip", "nat", "PREROUTING", "ct", "state", "new", "jump"),
    "map": ("add map ip nat theirs {{ type ipv4_addr : verdict; elements = {{ {} }}; }}",),
}


@pytest.mark.parametrize("kind", LEADING)
def test_a_chain_to_which_others_lead_does_not_hold_up_the_rest(
    host: PrivateHost, kind: str
) -> None:
    """It stays, with the chain that it leads to itself, until nothing leads there any more."""
    create(host)
    old, older = "nova-network-old", "nova-network-older"
    for name in (old, older):
        host.run("iptables", "-t", "nat", "-N", name)
    host.run("iptables", "-t", "nat", "-A", old, "-j", older)
    words = LEADING[kind]
    element = f"192.0.2.66 : goto {old}"
    host.run("nft", *((words[0].format(element),) if kind == "map" else (*words, old)))
    host.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert "leads to" in done.stderr
    for name, held_there in (("nova-network-floating-snat", FLOATING), (old, older)):
        assert held_there in host.run("nft", "list", "chain", "ip", "nat", name).stdout

    if kind == "map":
        host.run("nft", "flush", "map", "ip", "nat", "theirs")
    else:
        host.run("iptables", "-t", "nat", "-F", "PREROUTING")
    netconsole(host, "apply")

    assert old not in host.run("nft", "list", "table", "ip", "nat").stdout


NETWORKS = "/var/lib/netconsole/networks"
UNFIT = {
    "file": ('echo in the way >"$1"', "is a file, not a directory", 'rm "$1"'),
    "link": ('ln -s /run/later "$1"', "is a link that leads nowhere", 'rm "$1"'),
    "mount": (
        'mkdir "$1"; mount -t tmpfs -o ro none "$1"',
        "cannot be written: its file system is read-only",
        'mount -o remount,rw "$1"',
    ),
}
"""What stands in the way of dnsmasq's directory, what is said of it, and what mends it."""


@pytest.mark.parametrize(("made", "rule", "cure"), UNFIT.values(), ids=UNFIT.keys())
def test_where_dnsmasq_has_no_directory_all_else_is_had(
    host: PrivateHost, made: str, rule: str, cure: str
) -> None:
    whole = create(host)
    start_anew(host)
    uplink(host)
    host.run("rm", "-r", NETWORKS)
    host.run("sh", "-ec", made, "sh", NETWORKS)
    before = host.run("ls", "-ld", NETWORKS).stdout

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 4
    assert f"done but for: networks_path '{NETWORKS}' {rule}" in done.stderr
    status = answer(host, "status")
    eventually(lambda: bridge_state(host) == "up")
    assert [each["state"] for each in status["floating_ips"]] == ["ok"]
    assert host.run("ls", "-ld", NETWORKS).stdout == before
    refused = host.run("netconsole", "instance", "create", "web2", "--project", "demo", check=False)
    assert refused.returncode == 2

    host.run("sh", "-ec", cure, "sh", NETWORKS)
    netconsole(host, "apply")

    assert sorted(held(host)) == whole


def test_a_port_that_cannot_be_marked_is_not_left_unmarked(host: PrivateHost) -> None:
    """Nobody could tell whose it is."""
    create(host)
    (port,) = answer(host, "status")["allocations"]
    host.run("ip", "link", "delete", port["device"])
    path = refuse(host, f"link set dev {port['device']} alias ")

    done = host.run("netconsole", "apply", check=False)

    assert done.returncode == 1
    assert "alias" in done.stderr
    assert host.run("ip", "link", "show", port["device"], check=False).returncode != 0

    host.run("umount", path)
    netconsole(host, "apply")

    assert netconsole(host, "plan") == ""

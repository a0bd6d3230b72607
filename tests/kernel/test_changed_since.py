"""What somebody changed since is not taken back: on trial, after a kill, by undo."""

import json

import pytest
from cloud import answer, configure, netconsole
from kills import killed
from private_host import PrivateHost
from pseudo_terminal import Terminal

SESSION = {"SSH_CONNECTION": "203.0.113.1 50000 203.0.113.2 22"}
CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
CHAINS = ("PREROUTING", "POSTROUTING", "OUTPUT")


def _insert(host: PrivateHost, length: int) -> None:
    """What an admin puts above all others, into chains in which ours are deleted by number."""
    for chain in CHAINS:
        host.run("nft", "insert", "rule", "ip", "nat", chain, f"ip length {length} accept")


def _nat(host: PrivateHost) -> dict[str, list[str]]:
    return {
        chain: [
            line.strip()
            for line in host.run("nft", "list", "chain", "ip", "nat", chain).stdout.splitlines()
            if line.startswith("\t\t") and "policy" not in line
        ]
        for chain in CHAINS
    }


THEIRS = {chain: ["ip length 10 accept", "ip length 9 accept"] for chain in CHAINS}


def _with_a_rule_of_nft(host: PrivateHost, *more: str) -> None:
    configure(host, *more)
    netconsole(host, "apply")
    for chain in CHAINS:
        host.run("iptables", "-t", "nat", "-A", chain, "-s", "192.0.2.7", "-j", "ACCEPT")
        host.run("iptables", "-t", "nat", "-F", chain)
    _insert(host, 9)


def test_after_a_kill_a_rule_inserted_meanwhile_stays(host: PrivateHost) -> None:
    _with_a_rule_of_nft(host)
    steps = json.loads(host.run("netconsole", *CREATE, "--dry-run", "--json").stdout)["steps"]
    nat = [n for n, step in enumerate(steps) if "iptables -t nat" in step["commands"][0]][-1]
    assert killed(host, nat, "after", *CREATE)
    assert "nova-network-PREROUTING" in str(_nat(host))
    _insert(host, 10)
    assert "left half done, taken back first" in host.run("netconsole", "apply").stderr
    assert _nat(host) == THEIRS


def test_on_trial_a_rule_inserted_meanwhile_stays(host: PrivateHost) -> None:
    _with_a_rule_of_nft(host, "flat_interface = eth0", "trial_seconds = 60")
    with Terminal(host.entered("netconsole", *CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        _insert(host, 10)
        terminal.press(*"no", "enter")
        terminal.wait_for("not confirmed: taken back")
        assert terminal.exit_status(30) == 1
    assert _nat(host) == THEIRS


def test_what_is_gone_is_told_and_holds_nothing_up(host: PrivateHost) -> None:
    """One rule that is not there any more would have all of the table stay."""
    _with_a_rule_of_nft(host)
    steps = json.loads(host.run("netconsole", *CREATE, "--dry-run", "--json").stdout)["steps"]
    nat = [n for n, step in enumerate(steps) if "iptables -t nat" in step["commands"][0]][-1]
    assert killed(host, nat, "after", *CREATE)
    host.run("iptables", "-t", "nat", "-D", "OUTPUT", "-j", "nova-network-OUTPUT")
    said = host.run("netconsole", "apply").stderr
    assert "iptables -t nat: `-j nova-network-OUTPUT` is not in OUTPUT any more" in said
    assert "nova-" not in host.run("nft", "list", "table", "ip", "nat").stdout


DROP_IN = "/etc/sysctl.d/90-netconsole.conf"
CURE = """
from netconsole.backend.changes.converge import ApplyFix
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.backend.steps import *

rules = ("-I FORWARD 1 -i br7 -j ACCEPT", "-I FORWARD 2 -o br7 -j ACCEPT")
away = ("-D FORWARD -o br7 -j ACCEPT", "-D FORWARD -i br7 -j ACCEPT")
steps = (
    InsertNftRule("inet", "wall", "forward", 'iifname "br7" accept', "netconsole: br7"),
    SetSysctl("net.ipv4.conf.eth0.rp_filter", "2", "0"),
    SetSysctl("net.ipv4.conf.lo.rp_filter", "2", "0"),
    SetLink("eth0", "mtu", "1400", "1500"),
    ChangeRules("ipv4", "filter", rules, away),
    WriteFile("DROP_IN", "net.ipv4.conf.eth0.rp_filter = 2\\n"),
)
Service(load()).do(ApplyFix("playbook test", Plan(steps[FIRST:])))
""".replace("DROP_IN", DROP_IN)
TABLE = "add table inet wall; add chain inet wall forward { type filter hook forward priority 0; }"


def _cured(host: PrivateHost, first: int = 0) -> None:
    configure(host)
    for interface in ("all", "eth0", "lo"):
        host.write(f"/proc/sys/net/ipv4/conf/{interface}/rp_filter", "0")
    host.run("nft", "-f", "-", input=TABLE)
    host.run("python3", "-c", CURE.replace("FIRST", str(first)))


def _wall(host: PrivateHost) -> int:
    """How many rules of ours are in the table of another program."""
    return host.run("nft", "list", "table", "inet", "wall").stdout.count('"netconsole: br7"')


def test_undo_leaves_alone_what_was_changed_since(host: PrivateHost) -> None:
    _cured(host)
    edited = "net.ipv4.conf.eth0.rp_filter = 2\nvm.swappiness = 10\n"
    host.write(DROP_IN, edited)
    host.write("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1")
    host.run("ip", "link", "set", "eth0", "mtu", "1450")
    host.run("iptables", "-D", "FORWARD", "-i", "br7", "-j", "ACCEPT")
    host.run("nft", "delete", "chain", "inet", "wall", "forward")

    done = host.run("netconsole", "undo")

    assert f"{DROP_IN} was changed since: left as it is" in done.stderr
    assert "net.ipv4.conf.eth0.rp_filter is 1 by now, not 2: left so" in done.stderr
    assert "eth0: its mtu is 1450 by now, not 1400: left so" in done.stderr
    assert "`-i br7 -j ACCEPT` is not in FORWARD any more" in done.stderr
    assert host.read(DROP_IN) == edited
    assert host.run("sysctl", "-n", "net.ipv4.conf.eth0.rp_filter").stdout == "1\n"
    assert host.run("sysctl", "-n", "net.ipv4.conf.lo.rp_filter").stdout == "0\n"
    assert "mtu 1450" in host.run("ip", "link", "show", "eth0").stdout
    assert "br7" not in host.run("iptables", "-S", "FORWARD").stdout
    assert [row["end"] for row in answer(host, "history")] == ["done", "undone"]


def test_an_undo_with_nothing_to_take_back_is_refused(host: PrivateHost) -> None:
    _cured(host, first=-1)
    host.write(DROP_IN, "# mine\n")
    refused = host.run("netconsole", "undo", check=False)
    assert refused.returncode == 1
    assert f"nothing is taken back; {DROP_IN} was changed since" in refused.stderr
    assert host.read(DROP_IN) == "# mine\n"
    host.write(DROP_IN, "net.ipv4.conf.eth0.rp_filter = 2\n")
    netconsole(host, "undo")
    assert host.run("test", "-e", DROP_IN, check=False).returncode == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_undo_leaves_a_rule_of_nftables_there_once(host: PrivateHost, when: str) -> None:
    _cured(host)
    undo = json.loads(host.run("netconsole", "history", "--json").stdout)[0]["steps"]
    assert _wall(host) == 1
    assert killed(host, len(undo) - 1, when, "undo")
    assert _wall(host) == (1 if when == "before" else 0)
    assert "left half done, taken back first" in host.run("netconsole", "apply").stderr
    assert _wall(host) == 1
    netconsole(host, "undo")
    assert _wall(host) == 0

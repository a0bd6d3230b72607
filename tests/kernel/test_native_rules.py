"""Rules of nft(8) in the tables of iptables: kept, named, and never taken for something else."""

import json
import re
from typing import Any

from cloud import FLOATING, answer, configure, create_cloud, netconsole, reaches
from private_host import PrivateHost

NATIVE = {
    "a translation": ("nat", "POSTROUTING", 'oifname "eth1" masquerade'),
    "a set": ("filter", "FORWARD", "ip saddr @blocked drop"),
    "a range": ("filter", "FORWARD", "ip saddr 198.51.100.1-198.51.100.9 drop"),
    "a map": ("nat", "PREROUTING", "dnat to tcp dport map { 81 : 192.0.2.1, 82 : 192.0.2.2 }"),
    "a map of verdicts": ("filter", "INPUT", "ip saddr vmap @verdicts"),
    "a field that iptables refuses": ("filter", "FORWARD", "ip length 1400-1500 counter drop"),
    "a field that iptables overlooks": ("mangle", "POSTROUTING", "udp length 5 drop"),
    "a state": ("filter", "OUTPUT", 'ct state invalid counter drop comment "it is # handle 4"'),
}
SETS = """
add set ip filter blocked { type ipv4_addr; elements = { 192.0.2.66 }; }
add map ip filter verdicts { type ipv4_addr : verdict; elements = { 192.0.2.66 : drop }; }
"""
DISPLACED = """
delete chain ip mangle POSTROUTING
add chain ip mangle POSTROUTING { type filter hook postrouting priority 7; }
"""
LEADING = """
add map ip nat aims { type ipv4_addr : verdict; }
add element ip nat aims { 192.0.2.66 : jump nova-network-snat }
"""
LATE = "add chain ip filter late { type filter hook forward priority 50; policy drop; }"


def _add(host: PrivateHost, *rule: str, verb: str = "insert") -> None:
    host.run("nft", verb, "rule", "ip", *rule)


def _natives(host: PrivateHost) -> list[str]:
    """Return what nft lists of the rules in NATIVE, and of sets."""
    families = ("ip", "bridge")
    told = "".join(host.run("nft", "list", "ruleset", each).stdout for each in families)
    return [line for line in told.splitlines() if "counter packets" not in line or "drop" in line]


def _counters(host: PrivateHost, chain: str) -> list[str]:
    told = host.run("nft", "list", "chain", "ip", "nat", chain).stdout
    return re.findall(r"counter packets (\d+) bytes \d+ jump (\S+)", told)


def _findings(host: PrivateHost) -> dict[str, Any]:
    told = json.loads(host.run("netconsole", "doctor", "--json", check=False).stdout)
    return {each["check"]: each for each in told["findings"]}


def test_rules_of_nft_among_ours_are_kept_and_do_not_hide_ours(host: PrivateHost) -> None:
    host.run("ebtables", "-A", "FORWARD", "-p", "ARP", "-i", "eth1", "-j", "DROP")
    host.run("nft", "insert", "rule", "bridge", "filter", "FORWARD", "ip", "length", "9", "drop")
    create_cloud(host)
    host.run("nft", "-f", "-", input=SETS)
    for rule in NATIVE.values():
        _add(host, *rule)
    before = _natives(host)

    # Nothing differs, and nothing is added again.
    assert netconsole(host, "plan") == ""
    assert "as the store says" in host.run("netconsole", "apply").stderr
    assert _natives(host) == before
    status = answer(host, "status")
    assert status["host"]["unreadable"] == {}
    shown = {each["chain"]: each for each in status["nat"] if each["rule"].startswith("nft: ")}
    assert {(each["origin"], each["state"]) for each in shown.values()} == {("foreign", "present")}
    masquerade = 'nft: oifname "eth1" masquerade # handle '
    assert shown["POSTROUTING"]["rule"].startswith(masquerade)
    assert shown["PREROUTING"]["rule"].startswith("nft: dnat to tcp dport map { 81 : 192.0.2.1")

    # What is ours is compared, mended and verified, at its place among them; counters stay.
    assert reaches(host)
    counted = _counters(host, "POSTROUTING")
    assert int(counted[0][0]) > 0
    host.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")
    host.run("iptables", "-A", "FORWARD", "-j", "nova-network-FORWARD")
    assert host.run("netconsole", "plan", check=False).returncode == 2
    netconsole(host, "apply")
    assert netconsole(host, "plan") == ""
    assert _natives(host) == before
    after = _counters(host, "POSTROUTING")
    assert [int(now[0]) >= int(then[0]) > 0 for now, then in zip(after, counted, strict=True)] == [
        True,
        True,
    ]

    netconsole(host, "floating", "disassociate", FLOATING)
    assert not reaches(host)
    netconsole(host, "floating", "associate", FLOATING, "web1")
    assert reaches(host)

    # The checks look at them as well: no rule of nft is read as one that drops everything.
    findings = _findings(host)
    for check in ("forward_filter", "floating_nat", "drift", "egress_source", "dhcp_firewall"):
        assert findings[check]["verdict"] == "ok", findings[check]

    # A base chain that iptables does not know drops all the same.
    host.run("nft", "-f", "-", input=LATE)
    assert netconsole(host, "plan") == ""
    forward = _findings(host)["forward_filter"]
    assert (forward["verdict"], "policy of late" in forward["because"]) == ("fail", True)
    host.run("nft", "delete", "chain", "ip", "filter", "late")

    netconsole(host, "instance", "delete", "web1")
    netconsole(host, "network", "delete", "vmnet")
    assert "nova-" not in host.run("nft", "list", "ruleset").stdout
    left = _natives(host)
    assert [line for line in left if "drop" in line or "masq" in line or "dnat" in line] == [
        line
        for line in before
        if ("drop" in line or "masq" in line or "dnat" in line)
        and (line in left or "counter packets" not in line)  # those filtered the guest
    ]


def _refused(host: PrivateHost, status: int, *words: str) -> str:
    """Return the one line with which a change is refused that leaves all rules as they are."""
    before = host.run("nft", "--stateless", "list", "ruleset").stdout
    refused = host.run("netconsole", *words, check=False)
    assert refused.returncode == status, refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert host.run("nft", "--stateless", "list", "ruleset").stdout == before
    return refused.stderr


def test_a_change_that_could_not_be_verified_is_refused_before_it_begins(
    host: PrivateHost,
) -> None:
    create_cloud(host)

    # In a chain of ours: the command that the refusal names takes it away.
    _add(host, "nat", "nova-network-snat", "ct state new counter accept", verb="add")
    for words in (("plan",), ("apply",), ("floating", "disassociate", FLOATING)):
        told = _refused(host, 3, *words)
        assert "nova-network-snat, a chain of ours, holds a rule that iptables cannot" in told
        assert "show, ct state new accept," in told
    assert "ct state new" in answer(host, "status")["host"]["unreadable"]["rules"]
    host.run(*_command(told))
    assert netconsole(host, "plan") == ""

    # Among rules that iptables made for certain, as `-j ACCEPT`, without the range.
    _add(host, "nat", "nova-network-floating-snat", "ip saddr 10.0.0.3-10.0.0.9 accept")
    told = _refused(host, 3, "plan")
    assert "nova-network-floating-snat, a chain of ours, holds a rule that iptables cannot" in told
    host.run(*_command(told))
    assert netconsole(host, "plan") == ""

    # In the place of a built-in chain.
    host.run("iptables", "-t", "mangle", "-F", "POSTROUTING")
    host.run("nft", "-f", "-", input=DISPLACED)
    told = _refused(host, 3, "apply")
    assert "it is at hook postrouting, priority 7" in told
    assert "filter + 7" in host.run(*_command(told)).stdout
    host.run("nft", "delete", "chain", "ip", "mangle", "POSTROUTING")
    netconsole(host, "apply")
    assert netconsole(host, "plan") == ""

    # A rule of another that leads to a chain of ours stands in the way only of its removal.
    netconsole(host, "instance", "delete", "web1")
    _add(host, "nat", "POSTROUTING", "ct state new jump nova-network-snat", verb="add")
    assert netconsole(host, "plan") == ""
    told = _refused(host, 1, "network", "delete", "vmnet")
    assert "`ct state new jump nova-network-snat` in ip nat POSTROUTING leads to a chain of" in told
    host.run(*_command(told))

    # An element of a map does so without any rule.
    host.run("nft", "-f", "-", input=LEADING)
    assert netconsole(host, "plan") == ""
    told = _refused(host, 1, "network", "delete", "vmnet")
    assert "the map ip nat aims leads to nova-network-snat, a chain of ours" in told
    assert "192.0.2.66 : jump nova-network-snat" in host.run(*_command(told)).stdout
    host.run("nft", "flush", "map", "ip", "nat", "aims")
    netconsole(host, "network", "delete", "vmnet")


def _command(told: str) -> list[str]:
    """Return the last command that a line names."""
    return told.split("`")[-2].split()


def test_the_table_security_is_where_iptables_puts_it(host: PrivateHost) -> None:
    configure(host)
    host.run("iptables", "-t", "security", "-A", "INPUT", "-j", "ACCEPT")
    _add(host, "security", "INPUT", "ct state new counter", verb="add")
    assert netconsole(host, "plan") == ""

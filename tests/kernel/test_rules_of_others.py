"""Rules of others that ask for an interface by name, when that becomes a port of a bridge."""

import json
from typing import Any

import pytest
from changing import use_interface
from cloud import answer, netconsole, reaches
from private_host import PrivateHost

pytestmark = pytest.mark.requires("nft")

CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
ADMITS = "iptables -A INPUT -i eth0 -p icmp -j ACCEPT"
CLOSED = f"""
iptables -A INPUT -i lo -j ACCEPT
{ADMITS}
iptables -P INPUT DROP
"""


def made(host: PrivateHost, lines: str) -> None:
    """Make rules as an admin does, on an interface that networks may have."""
    use_interface(host, "eth0")
    host.run("sh", "-ec", lines)


def found(host: PrivateHost) -> Any:
    """What the check says."""
    done = host.run("netconsole", "doctor", "--only", "port_rules", "--json", check=False)
    (finding,) = json.loads(done.stdout)["findings"]
    return finding


def test_what_was_admitted_is_cut_off_with_a_word_before_and_after(host: PrivateHost) -> None:
    made(host, CLOSED)
    assert reaches(host, "203.0.113.2")
    note = "rules of others that ask for eth0 do not match them any more (1): INPUT "
    note += "(iptables-nft table filter) `-i eth0"
    dry = host.run("netconsole", *CREATE, "--dry-run")
    assert note in dry.stderr
    assert note in " ".join(answer(host, *CREATE, "--dry-run")["notes"])
    assert note in host.run("netconsole", *CREATE).stderr
    assert not reaches(host, "203.0.113.2")

    finding = found(host)
    assert finding["verdict"] == "warn"
    (row,) = finding["evidence"]
    assert row["label"] == "rule 3 of INPUT (iptables-nft table filter)"
    assert row["value"] == "-i eth0 -p icmp -j ACCEPT"
    assert row["note"] in finding["remedy"]
    host.run("bash", "-ec", row["note"])
    assert reaches(host, "203.0.113.2")
    assert found(host)["verdict"] == "ok"
    assert "-i eth0" not in host.run("iptables", "-S", "INPUT").stdout


def test_a_second_rule_put_beside_it_first_keeps_it_open(host: PrivateHost) -> None:
    """The note's command before the network; then none of the two is told of, there and back."""
    made(host, CLOSED)
    said = host.run("netconsole", *CREATE, "--dry-run").stderr
    beside = "iptables -I INPUT 3 -i br100 -p icmp -j ACCEPT"
    assert f"`{beside}`" in said
    host.run("bash", "-ec", beside)
    assert "ask for" not in host.run("netconsole", *CREATE).stderr
    assert reaches(host, "203.0.113.2")
    assert found(host)["verdict"] == "ok"
    assert "ask for" not in host.run("netconsole", "network", "delete", "vmnet").stderr
    assert reaches(host, "203.0.113.2")


def test_rules_made_for_the_bridge_are_told_of_when_its_port_leaves(host: PrivateHost) -> None:
    made(host, "true")
    netconsole(host, *CREATE)
    host.run("sh", "-ec", CLOSED.replace("eth0", "br100"))
    assert reaches(host, "203.0.113.2")
    assert found(host)["verdict"] == "ok"
    delete = ("network", "delete", "vmnet")
    note = "rules of others that ask for br100 do not match them any more (1): INPUT (iptables-nft"
    assert note in host.run("netconsole", *delete, "--dry-run").stderr
    said = host.run("netconsole", *delete).stderr
    assert note in said
    assert "`iptables -I INPUT 4 -i eth0 -p icmp -j ACCEPT`" in said
    assert not reaches(host, "203.0.113.2")


def test_a_port_that_apply_puts_back_is_told_of(host: PrivateHost) -> None:
    made(host, "true")
    netconsole(host, *CREATE)
    host.run("ip", "link", "set", "dev", "eth0", "nomaster")
    host.run(*ADMITS.split())
    for change in (("plan",), ("apply", "--dry-run"), ("apply",)):
        said = host.run("netconsole", *change, check=False).stderr
        assert "once eth0 is a port of br100" in said
    assert "once eth0" not in host.run("netconsole", "apply").stderr


NFT = """nft -f - <<'END'
table inet admin {
    set outer {
        type ifname
        elements = { "eth0", "eth1" }
    }
    chain input {
        type filter hook input priority 0; policy accept;
        WORDS
    }
}
END"""
SORTS = {
    "-t nat -A POSTROUTING -o eth0 -j MASQUERADE": "POSTROUTING (iptables-nft table nat) `-o eth0",
    "-t raw -A PREROUTING -i eth0 -s 192.0.2.0/24 -j DROP": "PREROUTING (iptables-nft table raw)",
    "-A INPUT ! -i eth0 -p udp -j DROP": "no longer except them (1): INPUT (iptables-nft",
    "-A INPUT -i eth+ -p udp -j DROP": "may not, as a set or a pattern has eth0 (1): INPUT",
    "legacy -A INPUT -i eth0 -j ACCEPT": "any more (1): INPUT (iptables-legacy table filter)",
    "6 -A INPUT -i eth0 -j ACCEPT": "any more (1): INPUT (ip6tables-nft table filter)",
    "6-legacy -A INPUT -i eth0 -j ACCEPT": "any more (1): INPUT (ip6tables-legacy table filter)",
    'iifname "eth0" tcp dport 22 counter accept': "any more (1): input (nft table inet admin)",
    'iifname != { "lo", "eth0" } udp dport 9 drop': "except them (1): input (nft table inet admin)",
    "iifname @outer tcp dport 22 accept": "may not, as a set or a pattern has eth0 (1): input",
}


def command(rule: str) -> str:
    """The command that makes a rule of one sort."""
    if rule.startswith("iifname"):
        return NFT.replace("WORDS", rule)
    program, _, rest = rule.partition("-")
    if program.startswith("6"):
        return f"ip6tables-{rest}" if "legacy" in rule else f"ip6tables -{rest}"
    return f"iptables-{rule}" if program else f"iptables {rule}"


@pytest.mark.parametrize(("rule", "words"), SORTS.items(), ids=SORTS.keys())
def test_every_table_is_looked_at_and_its_command_holds(
    host: PrivateHost, rule: str, words: str
) -> None:
    """Every kind, family and language; what the doctor tells to type ends what it tells of."""
    made(host, command(rule).replace("iptables-legacy ", "iptables-legacy -w "))
    said = host.run("netconsole", *CREATE).stderr
    assert words in said
    finding = found(host)
    sure = "may not" not in words
    assert finding["verdict"] == ("warn" if sure else "info")
    host.run("bash", "-ec", finding["evidence"][0]["note"])
    assert found(host)["verdict"] == "ok"


def test_a_plan_without_such_a_port_reads_no_more_than_before(host: PrivateHost) -> None:
    """And one that has it goes on where tables cannot be read, and says so."""
    use_interface(host, "eth0")
    host.write("/run/refuses", "#!/bin/sh\necho no >&2\nexit 1\n")
    host.run("chmod", "+x", "/run/refuses")
    host.run("ln", "-sf", "/run/refuses", "/etc/alternatives/ip6tables-save")
    said = host.run("netconsole", *CREATE).stderr
    assert "whether rules of others ask for what changes its place is not known" in said
    instance = ("instance", "create", "web1", "--project", "p", "--network", "vmnet")
    assert "not known" not in host.run("netconsole", *instance).stderr


def test_legacy_tables_are_looked_at_where_no_program_shows_them(host: PrivateHost) -> None:
    made(host, f"{command('6-legacy -A INPUT -i eth0 -j ACCEPT')}; {command('legacy -N other')}")
    host.write("/run/hidden", "")
    host.run("mount", "--bind", "/run/hidden", "/usr/sbin/ip6tables-legacy-save")
    said = host.run("netconsole", *CREATE).stderr
    assert "INPUT (ip6tables-legacy table filter) `-i eth0 -j ACCEPT`" in said


COUNTERS = """# By IPv6 the port itself tells routers which groups it is in.
nft -f - <<'END'
table inet seen {
    chain ingress {
        type filter hook ingress device "eth0" priority 0; policy accept;
        iifname "eth0" counter comment "below"
    }
    chain raw {
        type filter hook prerouting priority -300; policy accept;
        iifname "eth0" counter comment "port"
        iifname "br100" counter comment "bridge"
    }
    chain input {
        type filter hook input priority 0; policy accept;
        iifname "eth0" counter comment "port"
        iifname "br100" counter comment "bridge"
    }
    chain post {
        type filter hook postrouting priority 100; policy accept;
        meta nfproto ipv4 oifname "eth0" counter comment "port"
        meta nfproto ipv4 oifname "br100" counter comment "bridge"
    }
}
table arp seen {
    chain input {
        type filter hook input priority 0; policy accept;
        iifname "eth0" counter comment "port"
        iifname "br100" counter comment "bridge"
    }
}
END"""


@pytest.mark.parametrize("netfilter", ["0", "1"])
def test_ip_sees_the_bridge_in_its_ports_place_and_the_check_knows_where(
    host: PrivateHost, netfilter: str
) -> None:
    """The facts that the check stands on, asked of this kernel."""
    use_interface(host, "eth0")
    netconsole(host, *CREATE)
    host.run("ip", "link", "set", "br100", "type", "bridge", "nf_call_iptables", netfilter)
    host.run("sh", "-ec", COUNTERS)
    host.run("ip", "-n", "outside", "neighbour", "flush", "dev", "eth0")
    assert reaches(host, "203.0.113.2")

    listed = json.loads(host.run("nft", "-j", "list", "ruleset").stdout)["nftables"]
    rules = [each["rule"] for each in listed if each.get("rule", {}).get("table") == "seen"]
    counted: dict[str, list[int]] = {}
    for rule in rules:
        (counter,) = (part["counter"] for part in rule["expr"] if "counter" in part)
        counted.setdefault(rule["comment"], []).append(counter["packets"])
    assert counted["port"] == [0, 0, 0, 0]
    assert 0 not in counted["bridge"] + counted["below"]
    told = [row["label"] for row in found(host)["evidence"]]
    assert told == [
        *("rule 1 of raw (nft table inet seen)", "rule 1 of input (nft table inet seen)"),
        *("rule 1 of post (nft table inet seen)", "rule 1 of input (nft table arp seen)"),
    ]

"""Security groups on a host: what is said of them, and what the simulator answers."""

import json
import re

from cloud import answer, configure, netconsole
from private_host import PrivateHost

OPEN_RULES = """
import sqlite3
with sqlite3.connect("/var/lib/netconsole/netconsole.sqlite") as store:
    for cidr in ("0.0.0.0/0", "::/0"):
        store.execute(
            "INSERT INTO security_group_rules (parent_group_id, cidr, created_at)"
            " VALUES (1, ?, '2026-01-01 00:00:00')",
            (cidr,),
        )
"""
"""As in a store from before there were groups."""


def create_closed(host: PrivateHost) -> None:
    """A network with an instance whose group lets nothing in, as that of a new project."""
    configure(host)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    netconsole(host, "network", "create", "vmnet", *words)
    netconsole(host, "instance", "create", "web1", "--project", "demo")


def test_what_lets_everything_in_is_said_until_it_is_taken_away(host: PrivateHost) -> None:
    create_closed(host)
    said = "open: security group default of demo lets everything in"
    asked = ("secgroup", "test", "--from", "198.51.100.7", "--to", "web1", "--proto", "tcp")
    assert said not in netconsole(host, "status")
    assert re.search("security_groups +default", netconsole(host, "instance", "show", "web1"))
    (joined,) = answer(host, "instance", "show", "web1")["security_groups"]
    assert (joined["name"], joined["project_id"]) == ("default", "demo")
    for words, offered in (("test --from ", {"web1", "default"}), ("list --project ", {"demo"})):
        typed = f"COMP_WORDS=netconsole secgroup {words}"
        complete = ("env", "_NETCONSOLE_COMPLETE=bash_complete", typed, "COMP_CWORD=4")
        listed = host.run(*complete, "netconsole").stdout.split()
        assert {each.removeprefix("plain,") for each in listed} == offered
    denied = host.run("netconsole", *asked, "--port", "22", check=False)
    assert (denied.returncode, "denied" in denied.stdout) == (1, True)
    assert "no rule of default lets it in" in denied.stdout
    host.run("python3", "-c", OPEN_RULES)
    netconsole(host, "apply")
    told = netconsole(host, "status")
    assert said in told
    assert "testhost: as the store says, and 1 problem" in told
    assert "wrong: no metadata service runs" in told, "and nothing else is"
    found = host.run("netconsole", "playbook", "run", "open_groups", check=False)
    assert found.returncode == 1
    assert "secgroup revoke default --project demo --cidr ::/0" in found.stdout
    (reached,) = answer(host, *asked, "--port", "22")
    assert reached["because"] == "group default lets in everything from 0.0.0.0/0"
    for cidr in ("0.0.0.0/0", "::/0"):
        netconsole(host, "secgroup", "revoke", "default", "--project", "demo", "--cidr", cidr)
    assert said not in netconsole(host, "status")
    ssh = ("--protocol", "tcp", "--port", "22", "--cidr", "198.51.100.0/24")
    netconsole(host, "secgroup", "allow", "default", "--project", "demo", *ssh)
    (reached,) = answer(host, *asked, "--port", "22")
    assert reached["because"] == "group default lets in tcp 22 from 198.51.100.0/24"
    assert host.run("netconsole", *asked, "--port", "23", check=False).returncode == 1
    netconsole(host, "instance", "create", "far1", "--project", "other")
    of_other = ("--from", "default", "--source-project", "other", "--to", "web1")
    (reached,) = answer(host, "secgroup", "test", *of_other, "--proto", "tcp", "--port", "22")
    assert (reached["sender"], reached["ground"]) == ("far1", "same network")


def test_the_rules_in_the_kernel_are_asked_as_well_and_drift_is_said(host: PrivateHost) -> None:
    create_closed(host)
    asked = ("secgroup", "test", "--from", "198.51.100.7", "--to", "web1", "--proto", "icmp")

    def told() -> tuple[str, str, bool]:
        shown = host.run("netconsole", *asked, "--json", check=False).stdout
        (found,) = json.loads(shown)
        return found["verdict"], found["on_host"], found["drift"]

    assert told() == ("denied", "denied", False)
    ping = ("--project", "demo", "--protocol", "icmp", "--icmp", "-1")
    netconsole(host, "secgroup", "allow", "default", *ping)
    assert told() == ("allowed", "allowed", False)
    host.run("iptables", "-F", "nova-network-sg-1")
    assert told() == ("allowed", "denied", True)
    said = host.run("netconsole", *asked, check=False)
    assert said.returncode == 1
    assert "drift: the rules on this host do not do what the store says" in said.stderr
    netconsole(host, "apply")
    assert told() == ("allowed", "allowed", False)

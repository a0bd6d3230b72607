"""No moment without a filter: wherever a change of guests is killed, no port of theirs is open."""

import json
from pathlib import Path
from typing import Any

import pytest
import watched_host
from cloud import answer, boot, configure, create_network, netconsole
from private_host import PrivateHost, eventually
from talk import pinged

ON = ("--project", "demo", "--network", "vmnet", "--port-kind", "veth")
FIRST = ("instance", "create", "web1", *ON, "--fixed-address", watched_host.GUEST)
SECOND = ("instance", "create", "web2", *ON, "--fixed-address", watched_host.NEIGHBOUR)
ALLOWED = ("default", "--project", "demo", "--protocol", "tcp", "--port", "22")
ASSOCIATED = ("floating", "associate", "203.0.113.21", "web1")
NEVER = 10_000
"""A moment that no command has."""

FLUSH = "iptables -F; iptables -X; ip6tables -F; ip6tables -X; nft delete table netdev netconsole"
UNGUARDED = "nft delete table netdev netconsole"
ONE = "iptables -F nova-network-inst-1"
CURED = ("playbook", "run")
SWITCH = """
kind=nft; [ "$(iptables -V | grep -c nf_tables)" = 1 ] && kind=legacy
for family in iptables ip6tables; do for program in $family $family-save $family-restore; do
    ln -sf /usr/sbin/$family-$kind${program#$family} /etc/alternatives/$program
done; done
"""
"""What `update-alternatives --set` does, to the other kind than now."""
WITHOUT_GROUPS = "firewall_driver = nova.virt.firewall.NoopFirewallDriver"
WITHOUT_GUARDS = "guard = False"


def network(host: PrivateHost) -> None:
    """A network on which guests reach each other only as groups say, by IPv6 too."""
    configure(host, "allow_same_net_traffic = False")
    ranges = ("--fixed-range-v4", "10.0.0.0/24", "--fixed-range-v6", "fd00:7::/64")
    netconsole(host, "network", "create", "vmnet", *ranges, "--bridge", "br100")


def taken(
    *command: str,
    first: int = 0,
    every: int = 1,
    before: str = "",
    without: str = "",
    opens: bool = False,
    alike: bool = True,
) -> dict[str, Any]:
    """What `watched_host.tell` is asked for one command."""
    kills = {"command": command, "first": first, "every": every}
    return {**kills, "before": before, "without": without, "opens": opens, "alike": alike}


def assert_never_open(host: PrivateHost, *asked: dict[str, Any]) -> None:
    """Let commands be taken and killed, and look that at no moment a guest was open."""
    support = str(Path(watched_host.__file__).parent)
    program = f"import sys; sys.path.insert(0, {support!r})\n"
    program += f"import watched_host; watched_host.tell(*{asked!r})"
    seen = json.loads(host.run("python3", "-c", program, timeout=560).stdout)
    assert (seen["lacked"], seen["leaked"]) == ([], [])
    assert seen["passed"] > 20


@pytest.mark.timeout(600)
def test_guests_come_change_and_go(host: PrivateHost) -> None:
    network(host)
    netconsole(host, "secgroup", "create", "web", "--project", "demo")
    assert_never_open(
        host,
        taken(*FIRST, first=2, every=3),
        taken(*SECOND, first=NEVER),
        taken("secgroup", "allow", *ALLOWED),
        taken("instance", "secgroup", "add", "web1", "web", every=2),
        taken("instance", "secgroup", "remove", "web1", "default", first=1, every=2),
        taken("secgroup", "revoke", *ALLOWED),
        taken("instance", "delete", "web2", first=NEVER),
        taken("instance", "delete", "web1", first=1, every=3),
    )


@pytest.mark.timeout(600)
def test_what_a_repair_has_closed_stays_so(host: PrivateHost) -> None:
    """After a flush, with groups again after none, and where `iptables` becomes another kind.

    What a playbook cures is repaired as well.
    """
    network(host)
    for command in (FIRST, SECOND):
        netconsole(host, *command)
    assert_never_open(
        host,
        taken("apply", first=1, every=2, before=FLUSH, opens=True),
        taken("apply", first=1, without=WITHOUT_GROUPS, opens=True),
        taken("apply", first=1, every=2, without=WITHOUT_GUARDS, opens=True),
        taken("apply", first=1, every=4, before=SWITCH, alike=False),
        taken(*CURED, "group_rules", "--apply", before=ONE, opens=True),
        taken(*CURED, "guards", "--apply", before=UNGUARDED, opens=True),
    )


@pytest.mark.timeout(600)
def test_what_any_change_has_closed_stays_so(host: PrivateHost) -> None:
    """After a flush, and where somebody flushed the chain of one guest alone."""
    network(host)
    for command in (FIRST, SECOND):
        netconsole(host, *command)
    netconsole(host, "secgroup", "create", "web", "--project", "demo")
    netconsole(host, "floating", "create", "--ip-range", "203.0.113.21")
    assert_never_open(
        host,
        taken("secgroup", "allow", *ALLOWED, first=2, every=3, before=FLUSH, opens=True),
        taken(*ASSOCIATED, first=3, every=9, before=f"iptables -t nat -F; {FLUSH}", opens=True),
        taken("instance", "secgroup", "add", "web1", "web", first=1, before=ONE, opens=True),
        taken("instance", "delete", "web2", first=4, every=9, before=FLUSH, opens=True),
    )


@pytest.mark.timeout(600)
def test_what_a_change_of_one_guest_has_closed_stays_so(host: PrivateHost) -> None:
    """Somebody took away what holds this guest alone, who then changes, and goes."""
    network(host)
    for command in (FIRST, SECOND):
        netconsole(host, *command)
    (view,) = answer(host, "instance", "show", "web1")["ports"]
    guard = f"nft delete chain netdev netconsole port-{view['port']['device']}"
    others = "iptables -F nova-network-inst-2"
    in_part = "iptables -D nova-network-inst-1 1"
    lead = "iptables -D nova-network-local -d {} -j nova-network-inst-1"
    leads = "; ".join(map(lead.format, (watched_host.GUEST, "10.0.0.9")))
    more = ("--fixed-address", "10.0.0.9")
    assert_never_open(
        host,
        taken("instance", "allow-address", "web1", "192.0.2.0/24", before=guard, opens=True),
        taken("instance", "add-fixed-ip", "web1", "vmnet", *more, before=in_part, opens=True),
        taken("instance", "remove-fixed-ip", "web1", "10.0.0.9", before=leads, opens=True),
        taken("instance", "delete", "web2", before=others, opens=True),
    )


def refuse_guards(host: PrivateHost) -> str:
    """Let nft take no transaction any more; return what to unmount for it to do so again."""
    path = host.run("sh", "-c", "command -v nft").stdout.strip()
    host.run("cp", path, "/run/nft")
    host.write("/run/refusing", '#!/bin/sh\n[ "$1" = -f ] && exit 1\nexec /run/nft "$@"\n')
    host.run("chmod", "+x", "/run/refusing")
    host.run("mount", "--bind", "/run/refusing", path)
    return path


def test_what_cannot_be_held_again_passes_nothing_and_that_is_said(host: PrivateHost) -> None:
    """Somebody has the lock of iptables for too long; then nft refuses, with groups and without."""
    host.run("sh", "-ec", SWITCH)
    create_network(host)
    address = boot(host, "web1")
    host.outside("ip", "route", "add", "10.0.0.0/24", "via", "203.0.113.2")

    def is_reached() -> bool:
        return pinged(host, "outside", address) == {address}

    def fails(because: str, *command: str) -> None:
        assert is_reached()
        done = host.run("netconsole", *command, check=False)
        assert done.returncode != 0
        assert because in done.stderr
        assert "taken down, as not all is there that filters and guards the guest" in done.stderr
        assert not is_reached()
        assert " is down" in host.run("netconsole", "status").stdout

    def comes_through() -> None:
        netconsole(host, "apply")
        eventually(is_reached)

    host.run("sh", "-c", FLUSH)
    holder = host.spawn("flock", "/run/xtables.lock", "sh", "-c", "echo held; cat")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    fails("Another app is currently holding the xtables lock", "secgroup", "allow", *ALLOWED)
    holder.communicate(timeout=60)
    comes_through()

    for line in ("", WITHOUT_GROUPS):
        configure(host, line)
        netconsole(host, "apply")
        host.run("nft", "delete", "table", "netdev", "netconsole")
        path = refuse_guards(host)
        fails("nft -f -: exit status 1", "apply")
        host.run("umount", path)
        comes_through()

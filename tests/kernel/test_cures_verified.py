"""A cure is verified as every change is, and each change is one line in the audit log."""

import json

from cloud import answer, configure
from private_host import PrivateHost

LOST = """
from netconsole.backend.changes.converge import ApplyFix
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.backend.steps import AddAddress, Plan, RunProgram, SetLink

plan = Plan((
    SetLink("eth0", "mtu", "1400", "1500"),
    AddAddress("eth0", "fd00:7::5/64"),
    RunProgram(("ip", "link", "set", "eth0", "down"), ("ip", "link", "set", "eth0", "up")),
))
Service(load()).do(ApplyFix(name="playbook address", plan=plan))
"""
"""With an interface go its IPv6 addresses (ip-sysctl, keep_addr_on_down)."""


def lines(host: PrivateHost) -> list[tuple[str, str]]:
    told = host.read("/var/lib/netconsole/audit.jsonl").splitlines()
    return [(line["asked"], line["outcome"]) for line in map(json.loads, told)]


def test_a_cure_whose_effect_is_not_to_be_seen_is_undone(host: PrivateHost) -> None:
    configure(host)
    failed = host.run("python3", "-c", LOST, check=False)

    assert "still to do: ip address add fd00:7::5/64 dev eth0" in failed.stderr
    shown = host.run("ip", "link", "show", "eth0").stdout
    assert "mtu 1500" in shown
    assert ",UP" in shown
    assert [row["end"] for row in answer(host, "history")] == ["undone"]


def test_an_undo_that_is_refused_is_in_the_audit_log(host: PrivateHost) -> None:
    configure(host)
    assert host.run("netconsole", "--read-only", "undo", check=False).returncode == 3
    assert host.run("netconsole", "undo", "nosuch", check=False).returncode == 1
    assert host.run("netconsole", "undo", check=False).returncode == 1

    (first, second, third) = lines(host)
    assert first[0] == "undo"
    assert "read-only" in first[1]
    shows = "`netconsole history` shows what"
    assert second == ("undo nosuch", f"failed: change 'nosuch': not in the journal, {shows} is")
    assert third == ("undo", f"failed: no fix to undo: {shows} was done")

"""The playbook `bundle`: every check, and an archive with all that a colleague needs."""

import time
from pathlib import Path

from netconsole.diagnostics.collecting import Request
from netconsole.diagnostics.doctor import quick
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.playbooks.playbook import Playbook, Stage


def _deliver(request: Request, snapshot: Snapshot, findings: tuple[Finding, ...]) -> str:
    from netconsole.diagnostics.bundle import write_bundle

    return write_bundle(request.target or _file(), request.service, snapshot, findings)


def _file() -> str:
    """Return a new file in the current directory."""
    name = f"netconsole-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz"
    return str(Path(name).absolute())


BUNDLE = Playbook(
    "bundle",
    "Everything for a colleague",
    "Collects evidence, findings, configuration and listings in one archive, without secrets.",
    tuple(Stage(check.id, "") for check in quick()),
    "Makes every check and writes an archive (.tar.gz, readable by its owner only): the evidence, "
    "which `netconsole doctor --from` judges anywhere, the findings, the options in force, the "
    "plan, the history, what ip, bridge, iptables, nft, conntrack, ss and sysctl list, and the "
    "files of dnsmasq. Passwords, tokens and private keys are removed; names and addresses are "
    "not.",
    target="the file to write; without it, one is made in the current directory",
    deliver=_deliver,
    suggest=_file,
)

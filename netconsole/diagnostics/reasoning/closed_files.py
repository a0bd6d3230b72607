"""Files that a dnsmasq reads while it runs, and that its user may not read. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from netconsole.backend.steps import Plan, WriteFile
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles, DnsmasqReader, FileMode


@dataclass(frozen=True, slots=True)
class ClosedFiles:
    """Those of one dnsmasq, at least one."""

    reader: DnsmasqReader
    files: tuple[FileMode, ...]

    @property
    def said(self) -> str:
        """Say which it may not read, and why."""
        first = self.files[0]
        more = f", nor {len(self.files) - 1} more like it" if self.files[1:] else ""
        return (
            f"runs as {self.reader.user_name} and may not read {first.path} (mode "
            f"{first.mode:04o}, of {first.owner_name}){more}"
        )


def closed_files(
    snapshot: Snapshot, plan: Plan, pids: Collection[int], *, written_anew: bool
) -> ClosedFiles | None:
    """Return those of the first of these processes that has any: those that the plan writes anew,
    or those that it leaves as they are."""
    written = {step.path for step in plan.steps if isinstance(step, WriteFile)}
    for reader in (snapshot.get(DnsmasqFiles) or DnsmasqFiles()).readers:
        files = tuple(each for each in reader.closed if (each.path in written) == written_anew)
        if files and reader.pid in pids:
            return ClosedFiles(reader, files)
    return None

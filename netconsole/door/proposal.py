"""Proposal: the plan between store and host as it is shown, wherever it was made."""

from dataclasses import dataclass

from netconsole.backend.plan.agreement import Preview


@dataclass(frozen=True, slots=True)
class Proposal(Preview):
    """What `netconsole apply` would do."""

    removes_most: str | None = None
    """How much of what is ours it removes, where that is most of it."""
    obstacles: tuple[str, ...] = ()
    """Why what is wanted besides cannot be had as the host is."""

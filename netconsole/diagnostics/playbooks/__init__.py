"""The playbooks: one a symptom, each a sequence of checks that leads to the cause and its cure."""

from collections.abc import Mapping

from netconsole.backend.model.errors import NotFound
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.doctor import check
from netconsole.diagnostics.playbooks.bundle import BUNDLE
from netconsole.diagnostics.playbooks.healing import Investigation
from netconsole.diagnostics.playbooks.playbook import Playbook, of_check
from netconsole.diagnostics.playbooks.sequences import SEQUENCES

__all__ = ["PLAYBOOKS", "Investigation", "Playbook", "playbook"]

PLAYBOOKS: Mapping[str, Playbook] = {each.name: each for each in (*SEQUENCES, BUNDLE)}
"""By the names under which they are listed; every check is one besides, by its own name."""


def playbook(name: str) -> Playbook:
    """Return a playbook by its name, or that of a check alone; raises NotFound."""
    if name in PLAYBOOKS:
        return PLAYBOOKS[name]
    try:
        return of_check(check(name))
    except NotFound:
        known = ", ".join((*PLAYBOOKS, *CHECKS))
        raise NotFound(f"playbook {name!r}: there is {known}") from None

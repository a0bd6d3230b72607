"""Playbooks: each investigates one kind of fault, says what it is, and knows the cure."""

from collections.abc import Mapping

from netconsole.diagnostics.playbooks.playbook import Investigation, Playbook
from netconsole.diagnostics.playbooks.rp_filter import ReversePathFilter

__all__ = ["PLAYBOOKS", "Investigation", "Playbook"]

PLAYBOOKS: Mapping[str, Playbook] = {playbook.name: playbook for playbook in (ReversePathFilter(),)}

"""Kinds: of what kind of things each step of a plan is, as in the option repair_drift. Pure."""

from collections.abc import Mapping
from typing import Final

from netconsole.backend.model.step_kind import StepKind
from netconsole.backend.steps.dhcp import (
    AddDhcpHosts,
    CheckDnsmasq,
    ReinstateDhcpHosts,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveDhcpHosts,
    RetireDhcpHosts,
    StartDnsmasq,
    StopDnsmasq,
)
from netconsole.backend.steps.files import MakeDirectory, RemoveDirectory, RemoveFile, WriteFile
from netconsole.backend.steps.guards import ChangeGuards
from netconsole.backend.steps.guests import (
    RemoveConfigDrive,
    RemoveGuestFile,
    WriteConfigDrive,
    WriteGuestFile,
)
from netconsole.backend.steps.kernel import ChangeRules, EndConnections, EndUntranslated, SetSysctl
from netconsole.backend.steps.links import (
    AddAddress,
    AddLink,
    AnnounceAddress,
    RemoveAddress,
    RemoveLink,
    SetLink,
)
from netconsole.backend.steps.moves import MoveAddresses, PutNeighbours
from netconsole.backend.steps.nft import InsertNftRule, RemoveNftRule
from netconsole.backend.steps.programs import RunProgram
from netconsole.backend.steps.step import Step

_STEPS: Final[Mapping[StepKind, tuple[type[Step], ...]]] = {
    "links": (AddLink, RemoveLink, SetLink, MoveAddresses, PutNeighbours),
    "addresses": (AddAddress, RemoveAddress, AnnounceAddress),
    "rules": (ChangeRules, EndConnections, EndUntranslated, InsertNftRule, RemoveNftRule),
    "guards": (ChangeGuards,),
    "dnsmasq": (
        *(CheckDnsmasq, StartDnsmasq, StopDnsmasq, ReleaseLease),
        *(AddDhcpHosts, RemoveDhcpHosts, RetireDhcpHosts, ReinstateDhcpHosts),
    ),
    # A file that dnsmasq is not told of has no effect, and nothing would show that later.
    "files": (
        *(MakeDirectory, RemoveDirectory, WriteFile, RemoveFile, ReloadDnsmasq),
        *(WriteGuestFile, RemoveGuestFile, WriteConfigDrive, RemoveConfigDrive),
    ),
    "settings": (SetSysctl, RunProgram),
}
_KINDS: Final[Mapping[type[Step], StepKind]] = {
    step: kind for kind, steps in _STEPS.items() for step in steps
}


def kind_of(step: Step) -> StepKind:
    """Return of which kind of things a step is."""
    return _KINDS[type(step)]

"""Steps: the smallest changes to a host. One module a kernel facility; `step` has the base."""

from collections.abc import Mapping

from netconsole.backend.steps.dhcp import (
    AddDhcpHosts,
    CheckDnsmasq,
    FileEntry,
    ReinstateDhcpHosts,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveDhcpHosts,
    RetireDhcpHosts,
    StartDnsmasq,
    StopDnsmasq,
    announced_restarts,
)
from netconsole.backend.steps.files import MakeDirectory, RemoveDirectory, RemoveFile, WriteFile
from netconsole.backend.steps.guards import ChangeGuards
from netconsole.backend.steps.guests import (
    CONFIG_DRIVE_LABEL,
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
    LinkAttribute,
    RemoveAddress,
    RemoveLink,
    SetLink,
)
from netconsole.backend.steps.moves import MoveAddresses, PutNeighbours
from netconsole.backend.steps.nft import InsertNftRule, RemoveNftRule
from netconsole.backend.steps.programs import RunProgram
from netconsole.backend.steps.step import Argv, Plan, ProgramStep, Step

__all__ = [
    "CONFIG_DRIVE_LABEL",
    "STEPS",
    "AddAddress",
    "AddDhcpHosts",
    "AddLink",
    "AnnounceAddress",
    "Argv",
    "ChangeGuards",
    "ChangeRules",
    "CheckDnsmasq",
    "EndConnections",
    "EndUntranslated",
    "FileEntry",
    "InsertNftRule",
    "LinkAttribute",
    "MakeDirectory",
    "MoveAddresses",
    "Plan",
    "ProgramStep",
    "PutNeighbours",
    "ReinstateDhcpHosts",
    "ReleaseLease",
    "ReloadDnsmasq",
    "RemoveAddress",
    "RemoveConfigDrive",
    "RemoveDhcpHosts",
    "RemoveDirectory",
    "RemoveFile",
    "RemoveGuestFile",
    "RemoveLink",
    "RemoveNftRule",
    "RetireDhcpHosts",
    "RunProgram",
    "SetLink",
    "SetSysctl",
    "StartDnsmasq",
    "Step",
    "StopDnsmasq",
    "WriteConfigDrive",
    "WriteFile",
    "WriteGuestFile",
    "announced_restarts",
]

STEPS: Mapping[str, type[Step]] = {
    step.__name__: step
    for step in (
        SetSysctl,
        AddLink,
        RemoveLink,
        SetLink,
        AddAddress,
        RemoveAddress,
        MoveAddresses,
        PutNeighbours,
        ChangeRules,
        ChangeGuards,
        EndConnections,
        EndUntranslated,
        AnnounceAddress,
        MakeDirectory,
        RemoveDirectory,
        WriteFile,
        RemoveFile,
        AddDhcpHosts,
        RemoveDhcpHosts,
        RetireDhcpHosts,
        ReinstateDhcpHosts,
        StartDnsmasq,
        StopDnsmasq,
        CheckDnsmasq,
        ReloadDnsmasq,
        ReleaseLease,
        WriteGuestFile,
        RemoveGuestFile,
        WriteConfigDrive,
        RemoveConfigDrive,
        InsertNftRule,
        RemoveNftRule,
        RunProgram,
    )
}
"""Every step by its name in the journal."""

"""Steps: the smallest changes to a host. One module a kernel facility; `step` has the base."""

from collections.abc import Mapping

from netconsole.backend.steps.dhcp import (
    AddDhcpHosts,
    FileEntry,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveDhcpHosts,
    StartDnsmasq,
    StopDnsmasq,
)
from netconsole.backend.steps.files import MakeDirectory, RemoveDirectory, RemoveFile, WriteFile
from netconsole.backend.steps.kernel import ChangeRules, EndConnections, SetSysctl
from netconsole.backend.steps.links import (
    AddAddress,
    AddLink,
    AnnounceAddress,
    LinkAttribute,
    MoveAddresses,
    RemoveAddress,
    RemoveLink,
    SetLink,
)
from netconsole.backend.steps.step import Argv, Plan, Step

__all__ = [
    "STEPS",
    "AddAddress",
    "AddDhcpHosts",
    "AddLink",
    "AnnounceAddress",
    "Argv",
    "ChangeRules",
    "EndConnections",
    "FileEntry",
    "LinkAttribute",
    "MakeDirectory",
    "MoveAddresses",
    "Plan",
    "ReleaseLease",
    "ReloadDnsmasq",
    "RemoveAddress",
    "RemoveDhcpHosts",
    "RemoveDirectory",
    "RemoveFile",
    "RemoveLink",
    "SetLink",
    "SetSysctl",
    "StartDnsmasq",
    "Step",
    "StopDnsmasq",
    "WriteFile",
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
        ChangeRules,
        EndConnections,
        AnnounceAddress,
        MakeDirectory,
        RemoveDirectory,
        WriteFile,
        RemoveFile,
        AddDhcpHosts,
        RemoveDhcpHosts,
        StartDnsmasq,
        StopDnsmasq,
        ReloadDnsmasq,
        ReleaseLease,
    )
}
"""Every step by its name in the journal."""

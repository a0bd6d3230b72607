"""Who does which step: one table, by the step's type.

A step of several files or programs happens or does not: what it did before it failed is taken
back by its doer, before the error is raised.
"""

from functools import singledispatch

from netconsole.backend.host import arp, batch, belongings, dnsmasq, filters, guards, nft, sysctls
from netconsole.backend.injection import config_drive, root
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.steps import (
    AddDhcpHosts,
    AnnounceAddress,
    ChangeGuards,
    ChangeRules,
    CheckDnsmasq,
    EndConnections,
    EndUntranslated,
    MakeDirectory,
    MoveAddresses,
    ProgramStep,
    ReinstateDhcpHosts,
    ReloadDnsmasq,
    RemoveConfigDrive,
    RemoveDhcpHosts,
    RemoveDirectory,
    RemoveFile,
    RemoveGuestFile,
    RemoveNftRule,
    RetireDhcpHosts,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteConfigDrive,
    WriteFile,
    WriteGuestFile,
)
from netconsole.backend.system import files
from netconsole.backend.system.programs import run


def perform(step: Step) -> None:
    """Do what a step says. Raises StepFailed or another NetconsoleError; then nothing was done."""
    try:
        do(step)
    except OSError as error:
        first, *others = step.commands
        where = error.filename if others and error.filename else first
        raise StepFailed(f"{where}: {error.strerror or error}") from error


@singledispatch
def do(step: Step) -> None:
    """Do what a step says; each kind has its own doer below. Raises OSError or NetconsoleError."""
    raise NotImplementedError(f"nobody does a {type(step).__name__}")


@do.register
def _(step: ProgramStep) -> None:
    batch.refuse_foreign((step,))
    for argv in step.argvs:
        run(argv)


@do.register
def _(step: EndConnections | EndUntranslated) -> None:
    for argv in step.argvs:
        run(argv, good=(0, 1))  # 1: there was none


@do.register
def _(step: AnnounceAddress) -> None:
    arp.announce(step.interface, step.address, step.count)


@do.register
def _(step: MakeDirectory) -> None:
    files.make_directory(step.path)


@do.register
def _(step: RemoveDirectory) -> None:
    files.remove_directory(step.path)


@do.register
def _(step: WriteFile) -> None:
    files.write(step.path, step.content, step.mode)


@do.register
def _(step: RemoveFile | RemoveConfigDrive) -> None:
    files.remove(step.path)


@do.register
def _(step: AddDhcpHosts) -> None:
    files.write_all(step.files, 0o644)


@do.register
def _(step: RetireDhcpHosts) -> None:
    files.write_all(step.retired, 0o644)


@do.register
def _(step: ReinstateDhcpHosts) -> None:
    files.write_all(step.files, 0o644)
    dnsmasq.reload(step.pid_file)


@do.register
def _(step: RemoveDhcpHosts) -> None:
    files.remove_all(path for path, _ in step.files)
    dnsmasq.reload(step.pid_file)


@do.register
def _(step: ReloadDnsmasq) -> None:
    dnsmasq.reload(step.pid_file)


do.register(SetSysctl, sysctls.change)
do.register(MoveAddresses, belongings.move)
do.register(ChangeRules, filters.change)
do.register(ChangeGuards, guards.change)
do.register(RemoveNftRule, nft.remove)
do.register(CheckDnsmasq, dnsmasq.test)
do.register(StartDnsmasq, dnsmasq.start)
do.register(StopDnsmasq, dnsmasq.stop)
do.register(WriteGuestFile, root.write)
do.register(RemoveGuestFile, root.remove)
do.register(WriteConfigDrive, config_drive.write)

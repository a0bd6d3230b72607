"""What hangs on an interface, read from the kernel by ip(8), and taken from place to place."""

import re
import shlex
from collections.abc import Mapping
from itertools import groupby
from typing import NotRequired, TypedDict, cast

from netconsole.backend.kernel.settings import PROC_SYS
from netconsole.backend.model import belongings
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.errors import NetconsoleError, StepFailed
from netconsole.backend.model.text import from_json
from netconsole.backend.steps import Argv, MoveAddresses
from netconsole.backend.system.programs import run

SETTINGS = (
    *("rp_filter", "arp_ignore", "arp_announce", "arp_filter", "accept_local", "src_valid_mark"),
    "promote_secondaries",
)
SETTINGS_V6 = ("disable_ipv6", "accept_ra", "autoconf", "use_tempaddr", "addr_gen_mode")
_FAILED_LINE = re.compile(r"Command failed -:(\d+)")


class _Entry(TypedDict):
    master: NotRequired[str]
    addr_info: list[Mapping[str, object]]


def observe(interface: str) -> Belongings:
    """Return everything that hangs on an interface; nothing where there is none of that name.

    All routes are looked through, as ip(8) shows none with several nexthops for an interface.
    """
    shown = run(["ip", "-json", "-details", "address", "show", "dev", interface], good=(0, 1))
    entries = cast(list[_Entry], from_json(shown or "[]"))
    entry = next((each for each in entries if "addr_info" in each), None)
    if entry is None:
        return Belongings()
    addresses, strange = belongings.addresses(interface, entry["addr_info"])
    routes, later, connected, odd = belongings.routes(
        interface,
        [(v6, _told(v6, "route", "show", "table", "all")) for v6 in ("", "-6")],
        addresses,
    )
    rules, queer = belongings.rules(
        interface, [(v6, _told(v6, "rule", "show")) for v6 in ("", "-6")]
    )
    near = ("neighbour", "show", "dev", interface)
    proxies = ("neighbour", "show", "proxy", "dev", interface)
    return Belongings(
        addresses,
        routes,
        later,
        connected,
        rules,
        belongings.neighbours(
            _told("", *near) + _told("-6", *near), _told("", *proxies) + _told("-6", *proxies)
        ),
        _settings(interface),
        _settings("default"),
        entry.get("master", ""),
        (*strange, *odd, *queer),
    )


def _told(family: str, *command: str) -> str:
    return run(["ip", family or "-4", "-oneline", "-details", *command])


def _settings(interface: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for family, names in (("ipv4", SETTINGS), ("ipv6", (*SETTINGS_V6, "forwarding"))):
        for name in names:
            path = PROC_SYS / "net" / family / "conf" / interface / name
            try:
                values[f"{family}/{name}"] = path.read_text(encoding="ascii").strip()
            except OSError:  # not of this kernel
                continue
    return values


def move(step: MoveAddresses) -> None:
    """Take what is not yet on its new place there; a move that fails is taken back.

    Raises StepFailed, naming the command.
    """
    try:
        _move(step)
    except NetconsoleError as error:
        try:
            _move(cast(MoveAddresses, step.inverse))
        except NetconsoleError as worse:
            raise StepFailed(f"{error}; not taken back: {worse}") from error
        raise


def _move(step: MoveAddresses) -> None:
    argvs = step.left(observe(step.old), observe(step.new))
    for (family, one_line), commands in groupby(argvs, key=_batch_of):
        if one_line:
            _batch(family, tuple(commands))
        else:
            for each in commands:
                run(each)


def _batch_of(command: Argv) -> tuple[Argv, bool]:
    """The family of a command, and whether a batch can have it, where a hash ends the line."""
    return command[1:2] if "-6" in command else (), all(
        shlex.quote(word) == word for word in command
    )


def _batch(family: Argv, argvs: tuple[Argv, ...]) -> None:
    """Take several commands of ip(8) in one process, which takes its options only once."""
    lines = "".join(f"{' '.join(each[1 + len(family) :])}\n" for each in argvs)
    try:
        run(["ip", *family, "-batch", "-"], text=lines)
    except NetconsoleError as error:
        found = _FAILED_LINE.search(str(error))
        if found is None:
            raise
        said = str(error).partition("-batch -: ")[2].partition(" Command failed")[0]
        raise StepFailed(f"{shlex.join(argvs[int(found.group(1)) - 1])}: {said}") from error

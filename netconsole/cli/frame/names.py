"""Names on the command line: the store's, completed; the program's own, checked as well."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, get_args

import click

from netconsole.backend.model.errors import InvalidValue, NetconsoleError, NotFound
from netconsole.backend.model.spelling import nearest
from netconsole.cli.frame.context import Context

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from netconsole.door.door import Door

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(names: "Callable[[Door], list[str]]") -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        try:
            return [n for n in names(Context.of(context).door()) if n.startswith(begun)]
        except NetconsoleError:
            return []  # the command itself will say what is wrong

    return complete


networks = _completer(lambda door: [network.label for network in door.networks()])
instances = _completer(lambda door: [view.instance.name for view in door.instances()])
floating_ips = _completer(lambda door: [ip.address for ip in door.floating_ips()])
dns_domains = _completer(lambda door: [one.domain for one in door.dns_domains()])
projects = _completer(
    lambda door: list(dict.fromkeys(view.group.project_id for view in door.security_groups()))
)
key_pairs = _completer(lambda door: [pair.name for pair in door.key_pairs()])
security_groups = _completer(lambda door: _group_names(door))
senders = _completer(
    lambda door: [
        *(view.instance.name for view in door.instances()),
        *_group_names(door),
    ]
)


def packets(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the kind of a packet that is traced; what follows it is for who types to know."""
    from netconsole.diagnostics.parts.journey import Protocol

    is_first = not context.params.get(parameter.name or "")
    return [each for each in get_args(Protocol) if is_first and each.startswith(begun)]


trace_ends = _completer(lambda door: _trace_ends(door))


def _trace_ends(door: "Door") -> list[str]:
    """Who sends a packet that is traced, or whom it is for: words, instances, their addresses."""
    from netconsole.diagnostics.tracing.ends import HOST, OUTSIDE

    views = door.instances()
    ports = [port for view in views for port in view.ports]
    fixed = (each.address for port in ports for each in port.fixed_ips)
    floating = (each.address for port in ports for each in port.floating_ips)
    return [HOST, OUTSIDE, *(view.instance.name for view in views), *fixed, *floating]


def _group_names(door: "Door") -> list[str]:
    return list(dict.fromkeys(view.group.name for view in door.security_groups()))


instance_argument = click.argument("name", shell_complete=instances)
network_argument = click.argument("label", shell_complete=networks)
group_argument = click.argument("group", shell_complete=security_groups)


class Known(click.ParamType[str]):
    """A name that the program itself knows; another is bad input, whatever the host holds."""

    def __init__(
        self, name: str, titles: Callable[[], Mapping[str, str]], find: Callable[[str], object]
    ) -> None:
        """`titles` says what there is, by name; `find` raises NotFound for what is not."""
        self.name = name
        self._titles = titles
        self._find = find

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            self._find(value)
        except NotFound:
            known = self._titles()
            meant = nearest(value, known)
            led_on = f"none; did you mean {meant}?" if meant else ", ".join(known)
            raise InvalidValue(self.name, value, f"there is {led_on}") from None
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=title)
            for name, title in self._titles().items()
            if name.startswith(incomplete)
        ]


def _checks() -> dict[str, str]:
    from netconsole.diagnostics.checks import CHECKS

    return {name: each.title for name, each in CHECKS.items()}


def _check(name: str) -> object:
    from netconsole.diagnostics.doctor import check

    return check(name)


def _playbooks() -> dict[str, str]:
    from netconsole.diagnostics.playbooks import PLAYBOOKS

    return _checks() | {name: each.title for name, each in PLAYBOOKS.items()}


def _playbook(name: str) -> object:
    from netconsole.diagnostics.playbooks import playbook

    return playbook(name)


def _faults() -> dict[str, str]:
    from netconsole.lab.faults import FAULTS

    return {fault.id: fault.breaks for fault in FAULTS}


def _fault(name: str) -> object:
    from netconsole.lab.faults import fault

    return fault(name)


CHECK = Known("check", _checks, _check)
PLAYBOOK = Known("playbook", _playbooks, _playbook)
FAULT = Known("fault", _faults, _fault)

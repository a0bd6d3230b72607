"""What to say of rules of others that ask for an interface which becomes a port, or a bridge that
loses its port. Pure."""

from collections.abc import Iterator, Sequence

from netconsole.backend.filtering.asking_rules import AskingRule
from netconsole.backend.model.phrases import command, some
from netconsole.backend.model.table_names import Kind

SHOWN = 3
"""Rules that a note has in full; the rest are counted."""


def note_of_port(port: str, bridge: str, found: Sequence[AskingRule], own: Kind) -> Iterator[str]:
    """Say which rules ask for an interface that becomes a port.

    `own` is the kind of the machine's iptables.
    """
    if found:
        begin = f"once {port} is a port of {bridge}, its packets are those of {bridge}"
        has = f"{command('playbook', 'run', 'port_rules')} has the command for each afterwards"
        yield f"{begin}: {_which(port, found)}; {_beside(bridge, found, own)}{has}"


def note_of_bridge(port: str, bridge: str, found: Sequence[AskingRule], own: Kind) -> Iterator[str]:
    """Say which rules ask for a bridge that its port leaves."""
    if found:
        begin = f"once {port} is no port of {bridge} any more, its packets are its own"
        do = f"do so with each whose packets come or go by {port}"
        yield f"{begin}: {_which(bridge, found)}; {_beside(port, found, own)}{do}"


def _which(gone: str, found: Sequence[AskingRule]) -> str:
    """How many rules there are of each sort, and the first few."""
    taking = [each for each in found if each.certain and not each.excepts]
    excepting = [each for each in found if each.certain and each.excepts]
    perhaps = [each for each in found if not each.certain]
    sorts = (
        ("do not match them any more", taking),
        ("no longer except them", excepting),
        (f"may not, as a set or a pattern has {gone}", perhaps),
    )
    told = ", ".join(f"{what} ({len(rules)})" for what, rules in sorts if rules)
    shown = [f"{each.place.chain_name} `{each.text}`" for each in (*taking, *excepting, *perhaps)]
    return f"rules of others that ask for {gone} {told}: {some(shown, SHOWN)}"


def _beside(instead: str, found: Sequence[AskingRule], own: Kind) -> str:
    for each in found:
        if typed := each.beside(own):
            asks = f"lets {each.place.chain_name} ask for {instead} as well, typed before that"
            return f"`{typed}` {asks}; "
    return ""

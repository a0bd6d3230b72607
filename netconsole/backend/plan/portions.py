"""A transaction of rules as several, for a process whose transactions are bounded. Pure.

A transaction is one message to the kernel. Who has no CAP_NET_ADMIN in the first user namespace,
as nobody in a lab has, may not have a larger buffer for it (SO_SNDBUFFORCE, socket(7)) than
net.core.wmem_default, 212,992 bytes, and a rule takes some 460.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from netconsole.backend.filtering.rule_lines import parts
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.model.hoststate import BUILTIN_CHAINS
from netconsole.backend.steps import ChangeRules
from netconsole.backend.wording.groups import only_admits

MOST: Final = 200
"""Lines of one transaction, of those that may be apart."""
MOST_AT_ONCE: Final = 400
"""Lines of the one that cannot be taken apart."""

Lines = tuple[str, ...]


def portions(step: ChangeRules) -> tuple[Lines, ...]:
    """Return the lines of a step as transactions, to be made in this order.

    At no moment something passes that passes neither before the step nor after it: first come
    chains that nothing leads to yet, then what groups let in no more; what leads to chains of
    guests changes in one transaction; then comes what groups let in besides, and at last chains go
    that nothing leads to any more. Raises StepFailed where that one transaction is too large.
    """
    commands = [parts(line)[:2] for line in step.lines]
    made = {chain for command, chain in commands if command == ":"} - BUILTIN_CHAINS
    gone = {chain for command, chain in commands if command == "-X"}
    begins, narrows, leads, widens, ends = (list[str]() for _ in range(5))
    for line, (command, chain) in zip(step.lines, commands, strict=True):
        if chain in made:
            begins.append(line)
        elif chain in gone:
            ends.append(line)
        elif not only_admits(chain):
            leads.append(line)
        else:
            (widens if command in ("-A", "-I") else narrows).append(line)
    if step.table == "filter" and len(leads) > MOST_AT_ONCE:
        raise StepFailed(
            f"{step.program} -t {step.table}: {len(leads)} rules in chains that are in use have to "
            f"change in one transaction, and a user namespace can make one of {MOST_AT_ONCE} at "
            "most: make the changes one after the other, or as root outside of any"
        )
    at_once = (tuple(leads),) if step.table == "filter" else _cut(leads)
    found = (*_cut(begins), *_cut(narrows), *at_once, *_cut(widens), *_cut(ends))
    return tuple(filter(None, found))


def _cut(lines: Sequence[str]) -> Iterator[Lines]:
    rest: Iterable[str] = iter(lines)
    while portion := tuple(islice(rest, MOST)):
        yield portion

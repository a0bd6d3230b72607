"""In which order the kernel asks the chains that translate. Pure.

It asks all base chains of type nat at a hook by their priority, the legacy tables among them, and
the first that translates a connection decides; one that accepts it leaves it to the next. Of one
priority the chain that was registered last is asked first (nf_nat_inet_fn of Linux
net/netfilter/nf_nat_core.c, nf_hook_entries_grow of net/netfilter/core.c). When that was the
kernel does not tell; it tells tables, and the chains of each, in the order in which they were made.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.model.table_names import Kind

Turn = Literal["", "before", "likely before", "unknown", "likely after", "after"]
"""When a chain is asked, as seen from iptables' own at the hook; empty of one that translates
nothing."""

NatHook = Literal["prerouting", "postrouting"]
PRIORITIES: Final[Mapping[NatHook, int]] = {"prerouting": -100, "postrouting": 100}
"""Of iptables' own chains, of both kinds (linux/netfilter_ipv4.h), by the hook."""

ChainPlace = tuple[str, str, str]
"""Family, table and name of a chain."""


def turns(chains: Sequence[KernelChain], kind: Kind, hook: NatHook) -> dict[ChainPlace, Turn]:
    """Return when the chains that translate IPv4 at a hook are asked, of those that iptables does
    not show.

    `chains` are all that the kernel tells, in its order; `kind` is the kind of iptables. Its own
    chain is the last where it is still to be made.
    """
    places = [(each.family, each.table, each.name) for each in chains]
    own = ("ip", "nat", hook.upper())
    made = None if kind == "legacy" else [*places, own].index(own)
    return {
        place: _turn(each.priority - PRIORITIES[hook], at, made, place[:2] == own[:2])
        for at, (place, each) in enumerate(zip(places, chains, strict=True))
        if (each.type, each.hook) == ("nat", hook)
        and each.family in ("ip", "inet")
        and place != own
    }


def _turn(behind: int, at: int, made: int | None, same_table: bool) -> Turn:
    """When a chain is asked, by how far its priority is behind ours, and when both were made.

    Of one priority and two tables it is a guess: a chain can be made long after its table, and is
    registered anew when a dormant table wakes.
    """
    if behind:
        return "before" if behind < 0 else "after"
    if made is None:
        return "unknown"
    if same_table:
        return "before" if at > made else "after"
    return "likely before" if at > made else "likely after"

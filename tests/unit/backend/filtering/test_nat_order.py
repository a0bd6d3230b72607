"""In which order the kernel asks the chains that translate."""

import pytest

from netconsole.backend.filtering.nat_order import Turn, turns
from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.model.table_names import Kind

OURS = KernelChain("ip", "nat", "POSTROUTING", "nat", "postrouting", 100)
OTHER = KernelChain("ip", "nat", "later", "nat", "postrouting", 100)


def theirs(priority: int = 100) -> KernelChain:
    return KernelChain("inet", "theirs", "post", "nat", "postrouting", priority)


@pytest.mark.parametrize(
    ("chains", "kind", "turn"),
    [
        ((OURS, theirs(99)), "nft", "before"),
        ((theirs(101), OURS), "nft", "after"),
        ((OURS, theirs()), "nft", "likely before"),
        ((theirs(), OURS), "nft", "likely after"),
        ((theirs(),), "nft", "likely after"),
        ((OURS, theirs()), "legacy", "unknown"),
        ((theirs(99),), "legacy", "before"),
        ((OURS, OTHER), "nft", "before"),
        ((OTHER, OURS), "nft", "after"),
    ],
)
def test_of_one_priority_what_was_made_last_is_asked_first(
    chains: tuple[KernelChain, ...], kind: Kind, turn: Turn
) -> None:
    (found,) = turns(chains, kind, "postrouting").values()
    assert found == turn


def test_only_what_translates_packets_of_ipv4_there_is_asked() -> None:
    others = (
        KernelChain("ip6", "theirs", "post", "nat", "postrouting", 99),
        KernelChain("inet", "theirs", "late", "filter", "postrouting", 99),
        KernelChain("inet", "theirs", "pre", "nat", "prerouting", -101),
        KernelChain("inet", "theirs", "more"),
    )
    assert turns((OURS, *others), "nft", "postrouting") == {}
    assert turns((OURS, *others), "nft", "prerouting") == {("inet", "theirs", "pre"): "before"}

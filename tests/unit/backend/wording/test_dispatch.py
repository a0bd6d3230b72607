"""Chains that find an address among many: each leads to its own end, and few rules are asked."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import Rule
from netconsole.backend.wording.dispatch import LONGEST_NAME, MOST, AddressAction, Tree

TREE = Tree("nova-network-local", "to-", "-d")
ABOUT = subject.port("tap0")
FIRST_V4, FIRST_V6 = int(ip_address("10.0.0.0")), int(ip_address("fd00:5::f816:3eff:fe00:0"))


def entries(numbers: set[int], first: int) -> list[AddressAction]:
    addresses = [str(ip_address(first + number)) for number in numbers]
    return [AddressAction(each, f"-j end-{each}", ABOUT) for each in addresses]


def walk(chains: dict[str, list[Rule]], address: str) -> tuple[list[str], int]:
    """The ends that a packet to an address reaches, and how many rules are asked for that."""
    ends: list[str] = []
    asked = 0
    pending = ["nova-network-local"]
    while pending:
        for rule in chains[pending.pop(0)]:
            asked += 1
            _, where, _, aim = rule.spec.split(" ")
            if ip_address(address) in ip_network(where):
                (pending if aim in chains else ends).append(aim)
    return ends, asked


@given(
    st.sets(st.integers(0, 2**16) | st.integers(0, 2**24 - 1), max_size=200),
    st.integers(0, 2**24 - 1),
    st.sampled_from((FIRST_V4, FIRST_V6)),
)
def test_each_address_leads_to_its_own_end_and_no_other(
    numbers: set[int], other: int, first: int
) -> None:
    chains = TREE.chains(entries(numbers, first))

    for number in {*numbers, other}:
        address = str(ip_address(first + number))
        expected = [f"end-{address}"] if number in numbers else []
        assert walk(chains, address)[0] == expected
    assert all(len(chain) <= LONGEST_NAME for chain in chains)


def test_a_thousand_are_found_in_few_steps() -> None:
    for first in (FIRST_V4, FIRST_V6):
        known = entries(set(range(2, 1002)), first)
        chains = TREE.chains(known)
        assert max(walk(chains, each.address)[1] for each in known) <= 3 * MOST


def test_one_more_among_a_thousand_changes_the_chain_that_has_it() -> None:
    for first in (FIRST_V4, FIRST_V6):
        before = TREE.chains(entries(set(range(0, 2000, 2)), first))
        after = TREE.chains(entries({*range(0, 2000, 2), 777}, first))

        changed = [chain for chain in after if before.get(chain) != after[chain]]
        assert len(changed) == 1
        assert after.keys() == before.keys()


def test_of_two_that_have_one_address_the_first_counts() -> None:
    first, second = (AddressAction("10.0.0.3", f"-j {end}", ABOUT) for end in ("one", "other"))
    assert walk(TREE.chains((first, second)), "10.0.0.3") == (["one"], 1)

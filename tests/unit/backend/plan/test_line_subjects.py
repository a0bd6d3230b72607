"""What the lines of a step on the packet filter are about."""

from netconsole.backend.model.hoststate import ChainKey, Rule, Wanted
from netconsole.backend.model.subject import port
from netconsole.backend.plan.filters import subjects_of_lines

CHAIN = "nova-network-inst-2"
WANTED = Wanted(
    chains={ChainKey("ipv4", "filter", CHAIN): (Rule("-j nova-network-sg-fallback", port("tap2")),)}
)


def test_what_is_too_much_in_an_instances_chain_is_about_the_instance() -> None:
    lines = (f"-D {CHAIN} -s 10.9.9.9/32 -j ACCEPT", "-D nova-network-inst-9 -j RETURN")
    assert list(subjects_of_lines("ipv4", "filter", lines, WANTED)) == [port("tap2"), None]
    assert list(subjects_of_lines("ipv4", "nat", lines[:1], WANTED)) == [None]

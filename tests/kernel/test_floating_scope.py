"""A change about one floating address, in a process that knows the host from its last change."""

from collections.abc import Iterator

import pytest
from cloud import FLOATING, answer, boot, create_cloud, netconsole, reaches
from counted_session import CountedSession, Told
from private_host import PrivateHost

SECOND, THIRD = "203.0.113.130", "203.0.113.131"


PLACES = """
from netconsole.backend.kernel import links
from netconsole.backend.kernel.addresses import places

asked = {"10.0.0.1", "127.0.0.1", "192.0.2.77", "192.0.2.78", "203.0.113.2", "203.0.113.129"}
every = [each for each in links.observe_addresses() if each.address.partition("/")[0] in asked]
print(len(every), list(places(asked)) == every, places(["192.0.2.77"]), any(e[2] for e in every))
"""
"""As ip(8) tells of these; one has a broadcast address, one is on a link that is down, and one is
nowhere."""


class Session(CountedSession):
    """A process that gives floating addresses to instances, and takes them back."""

    def associate(self, address: str, instance: str = "") -> Told:
        """Associate an address with an instance, or disassociate it where none is named."""
        if instance:
            return self.change("AssociateFloating", address=address, instance=instance)
        return self.change("DisassociateFloating", address=address)


@pytest.fixture(scope="module")
def cloud() -> Iterator[PrivateHost]:
    with PrivateHost() as made:
        create_cloud(made)
        boot(made, "web2")
        yield made


@pytest.fixture
def session(cloud: PrivateHost) -> Iterator[Session]:
    """Begun with a change, so that it knows the rules; at the end all is as it was."""
    begun = Session(cloud)
    begun.associate(THIRD, "web2")
    yield begun
    for row in answer(cloud, "floating", "list"):
        if row["instance"] is not None and row["address"] != FLOATING:
            netconsole(cloud, "floating", "disassociate", row["address"])
    netconsole(cloud, "apply")


def listed(told: Told) -> bool:
    return any(program.startswith("iptables-save") for program in told.programs)


def nothing_to_do(host: PrivateHost) -> bool:
    return host.run("netconsole", "plan", check=False).stdout == ""


def test_rules_that_nobody_touched_are_not_listed_again(
    cloud: PrivateHost, session: Session
) -> None:
    for words in ((SECOND, "web2"), (SECOND,), (SECOND, "web1")):
        told = session.associate(*words)
        assert not listed(told)
        assert not told.looks_everywhere
        assert not told.is_whole
        assert nothing_to_do(cloud)
    assert reaches(cloud, SECOND)
    assert reaches(cloud, FLOATING)


def test_the_kernel_tells_where_addresses_are_as_ip_does(cloud: PrivateHost) -> None:
    cloud.run("ip", "link", "add", "down0", "type", "bridge")
    cloud.run("ip", "address", "add", "192.0.2.78/24", "dev", "down0", "label", "down0:x")
    told = cloud.run("python3", "-c", PLACES).stdout
    cloud.run("ip", "link", "delete", "down0")
    assert told == "5 True () True\n"


def test_another_programs_rule_in_the_same_chain_is_seen_and_keeps_its_counter(
    cloud: PrivateHost, session: Session
) -> None:
    theirs = ("-d", "203.0.113.99/32", "-j", "ACCEPT")
    cloud.run("iptables", "-t", "nat", "-I", "PREROUTING", "1", "-c", "7", "420", *theirs)
    told = session.associate(SECOND, "web2")

    assert listed(told)
    assert reaches(cloud, SECOND)
    saved = cloud.run("iptables-save", "-c", "-t", "nat").stdout
    assert f"[7:420] -A PREROUTING {' '.join(theirs)}" in saved
    assert nothing_to_do(cloud)
    assert not listed(session.associate(SECOND))
    cloud.run("iptables", "-t", "nat", "-D", "PREROUTING", *theirs)


def test_a_chain_that_was_flushed_is_not_taken_for_full(
    cloud: PrivateHost, session: Session
) -> None:
    cloud.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")
    told = session.associate(SECOND, "web2")

    assert listed(told)
    assert not any(FLOATING in command for command in told.commands)
    drift = netconsole_plan(cloud)
    assert FLOATING in drift
    assert THIRD in drift
    assert SECOND not in drift
    netconsole(cloud, "apply")
    assert nothing_to_do(cloud)


def test_a_missing_jump_is_mended_with_the_association(
    cloud: PrivateHost, session: Session
) -> None:
    cloud.run("iptables", "-t", "nat", "-D", "PREROUTING", "-j", "nova-network-PREROUTING")
    commands = session.associate(SECOND, "web2").commands

    assert any(command.endswith("-j nova-network-PREROUTING") for command in commands)
    assert reaches(cloud, SECOND)
    assert nothing_to_do(cloud)


def test_what_is_amiss_elsewhere_is_left_alone_and_shown(
    cloud: PrivateHost, session: Session
) -> None:
    cloud.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0")
    cloud.run("iptables", "-A", "nova-network-FORWARD", "-s", "192.0.2.1", "-j", "DROP")
    commands = session.associate(SECOND, "web2").commands

    assert all(SECOND in command for command in commands)
    drift = netconsole_plan(cloud)
    assert f"{FLOATING}/32" in drift
    assert "192.0.2.1/32 -j DROP" in drift
    assert SECOND not in drift
    netconsole(cloud, "apply")
    assert nothing_to_do(cloud)


def test_a_guest_goes_out_by_the_address_that_it_got_first(
    cloud: PrivateHost, session: Session
) -> None:
    """The one got later is the older row; a whole plan agrees about the order."""
    session.associate(SECOND, "web2")
    rules = cloud.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout
    assert rules.index(THIRD) < rules.index(SECOND)
    assert nothing_to_do(cloud)
    cloud.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")
    netconsole(cloud, "apply")
    assert cloud.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout == rules


def test_an_address_that_nova_associates_again_moves(cloud: PrivateHost, session: Session) -> None:
    session.associate(SECOND, "web2")
    netconsole(cloud, "nova", "floating-ip-associate", "web1", SECOND)
    (row,) = (each for each in answer(cloud, "floating", "list") if each["address"] == SECOND)
    assert row["instance"] == "web1"
    rules = cloud.run("iptables", "-t", "nat", "-S", "nova-network-PREROUTING").stdout
    (rule,) = (line for line in rules.splitlines() if SECOND in line)
    assert rule.endswith(f"--to-destination {row['fixed_address']}")
    assert reaches(cloud, SECOND)
    assert nothing_to_do(cloud)


def netconsole_plan(host: PrivateHost) -> str:
    return host.run("netconsole", "plan", check=False).stdout

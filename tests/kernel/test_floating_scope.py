"""A change about one floating address, in a process that knows the host from its last change."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from cloud import FLOATING, answer, boot, create_cloud, netconsole, reaches
from private_host import PrivateHost

SECOND, THIRD = "203.0.113.130", "203.0.113.131"

SESSION = """
import json, sys
from netconsole.backend.changes.floating import AssociateFloating, DisassociateFloating
from netconsole.backend.kernel import iptables_save, mixed_tables
from netconsole.backend.service import reading, service, writing
from netconsole.backend.host import filters, links
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service

ran = []

def noting(run):
    def noted(argv, **options):
        ran.append(" ".join(argv))
        return run(argv, **options)
    return noted

def noting_all(records):
    def noted(connection, host):
        ran.append("every record")
        return records(connection, host)
    return noted

for module in (filters, iptables_save, links, mixed_tables):
    module.run = noting(module.run)
for module in (reading, service, writing):
    module.records = noting_all(module.records)
host = Service(load())
for line in sys.stdin:
    address, *names = line.split()
    change = AssociateFloating(address, names[0]) if names else DisassociateFloating(address)
    ran.clear()
    done = host.do(change)
    print(json.dumps({"ran": ran, "commands": done.plan.commands}), flush=True)
"""


class Session:
    """A process that makes one change after the other, and says what it asked for."""

    def __init__(self, host: PrivateHost) -> None:
        self._process: subprocess.Popen[str] = host.spawn("python3", "-c", SESSION)

    def change(self, *words: str) -> tuple[list[str], list[str]]:
        """Associate an address with an instance, or disassociate it where none is named."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{' '.join(words)}\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return told["ran"], told["commands"]


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
    begun.change(THIRD, "web2")
    yield begun
    for row in answer(cloud, "floating", "list"):
        if row["instance"] is not None and row["address"] != FLOATING:
            netconsole(cloud, "floating", "disassociate", row["address"])
    netconsole(cloud, "apply")


def listed(programs: list[str]) -> bool:
    return any(program.startswith("iptables-save") for program in programs)


def nothing_to_do(host: PrivateHost) -> bool:
    return host.run("netconsole", "plan", check=False).stdout == ""


def test_rules_that_nobody_touched_are_not_listed_again(
    cloud: PrivateHost, session: Session
) -> None:
    for words in ((SECOND, "web2"), (SECOND,), (SECOND, "web1")):
        ran, _ = session.change(*words)
        assert not listed(ran)
        assert not any(program == "ip -json address show" for program in ran)
        assert "every record" not in ran
        assert nothing_to_do(cloud)
    assert reaches(cloud, SECOND)
    assert reaches(cloud, FLOATING)


def test_another_programs_rule_in_the_same_chain_is_seen_and_keeps_its_counter(
    cloud: PrivateHost, session: Session
) -> None:
    theirs = ("-d", "203.0.113.99/32", "-j", "ACCEPT")
    cloud.run("iptables", "-t", "nat", "-I", "PREROUTING", "1", "-c", "7", "420", *theirs)
    ran, _ = session.change(SECOND, "web2")

    assert listed(ran)
    assert reaches(cloud, SECOND)
    saved = cloud.run("iptables-save", "-c", "-t", "nat").stdout
    assert f"[7:420] -A PREROUTING {' '.join(theirs)}" in saved
    assert nothing_to_do(cloud)
    assert not listed(session.change(SECOND)[0])
    cloud.run("iptables", "-t", "nat", "-D", "PREROUTING", *theirs)


def test_a_chain_that_was_flushed_is_not_taken_for_full(
    cloud: PrivateHost, session: Session
) -> None:
    cloud.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")
    ran, commands = session.change(SECOND, "web2")

    assert listed(ran)
    assert not any(FLOATING in command for command in commands)
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
    _, commands = session.change(SECOND, "web2")

    assert any(command.endswith("-j nova-network-PREROUTING") for command in commands)
    assert reaches(cloud, SECOND)
    assert nothing_to_do(cloud)


def test_what_is_amiss_elsewhere_is_left_alone_and_shown(
    cloud: PrivateHost, session: Session
) -> None:
    cloud.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0")
    cloud.run("iptables", "-A", "nova-network-FORWARD", "-s", "192.0.2.1", "-j", "DROP")
    _, commands = session.change(SECOND, "web2")

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
    session.change(SECOND, "web2")
    rules = cloud.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout
    assert rules.index(THIRD) < rules.index(SECOND)
    assert nothing_to_do(cloud)
    cloud.run("iptables", "-t", "nat", "-F", "nova-network-floating-snat")
    netconsole(cloud, "apply")
    assert cloud.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout == rules


def test_an_address_that_nova_associates_again_moves(cloud: PrivateHost, session: Session) -> None:
    session.change(SECOND, "web2")
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

"""The hosts that dnsmasq knows: one that is gone loses its address at once, seldom by a reload."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from core_samples import (
    NETWORKS_PATH,
    WHOLE,
    fixed_ip,
    instance,
    mac,
    network,
    observed_as,
    port,
    wanted,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from netconsole.backend.model.dhcp_host import host_address
from netconsole.backend.model.hoststate import File, Wanted
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.steps import (
    AddDhcpHosts,
    FileEntry,
    Plan,
    ReinstateDhcpHosts,
    RemoveDhcpHosts,
    RetireDhcpHosts,
    StartDnsmasq,
    Step,
)
from netconsole.backend.wording import dhcp

HOSTS = f"{NETWORKS_PATH}/nova-br100.hosts"


def path(number: int) -> str:
    return f"{HOSTS}/{mac(number).replace(':', '-')}"


def line(number: int, address: str) -> File:
    return File(f"{mac(number)},web{number}.novalocal,{address}\n")


def left(number: int, address: str) -> File:
    return File(f"{mac(number)} # no longer has {address}\n")


def cloud(given_out: dict[int, str]) -> Wanted:
    """What is wanted where these instances, on another host, have these addresses."""
    return wanted(
        Records(
            networks=(network(),),
            instances=tuple(replace(instance(number), host="other") for number in given_out),
            ports=tuple(port(number) for number in given_out),
            fixed_ips=tuple(
                replace(fixed_ip(number), address=address) for number, address in given_out.items()
            ),
        )
    )


def host_steps(found: dict[str, File], goal: Wanted, *, runs: bool = True) -> list[Step]:
    observed = replace(
        WHOLE,
        dhcp_hosts=found,
        dnsmasq=WHOLE.dnsmasq if runs else (),
        links=observed_as(goal).links,
    )
    kinds = (AddDhcpHosts, RemoveDhcpHosts, RetireDhcpHosts, ReinstateDhcpHosts)
    return [step for step in plan(observed, goal).steps if isinstance(step, kinds)]


def names(steps: Iterable[Step]) -> list[str]:
    return [type(step).__name__ for step in steps]


def test_a_host_that_is_gone_is_retired_without_a_reload() -> None:
    (step,) = host_steps({path(1): line(1, "10.0.0.4")}, cloud({}))

    assert step == RetireDhcpHosts(
        f"{NETWORKS_PATH}/nova-br100.pid",
        ((path(1), "fa:16:3e:00:00:01,web1.novalocal,10.0.0.4\n"),),
        ((path(1), "fa:16:3e:00:00:01 # no longer has 10.0.0.4\n"),),
    )
    assert not any("kill" in command for command in step.commands)
    assert step.inverse is not None
    assert any("kill -HUP" in command for command in step.inverse.commands)
    assert step.inverse.inverse == step


def test_a_retired_host_is_left_until_it_is_in_the_way() -> None:
    found = {path(1): left(1, "10.0.0.4"), path(2): left(2, "10.0.0.5")}

    assert host_steps(found, cloud({})) == []
    assert names(host_steps(found, cloud({3: "10.0.0.6"}))) == ["AddDhcpHosts"]
    steps = host_steps(found, cloud({3: "10.0.0.5"}))
    assert names(steps) == ["RemoveDhcpHosts", "AddDhcpHosts"]
    assert isinstance(steps[0], RemoveDhcpHosts)
    assert [entry[0] for entry in steps[0].files] == [path(1), path(2)]


RELOADS = {
    "an address that goes on to another": (
        {path(1): line(1, "10.0.0.4")},
        {2: "10.0.0.4"},
    ),
    "a host with a new address": ({path(1): line(1, "10.0.0.4")}, {1: "10.0.0.5"}),
    "a retired host that is back": ({path(1): left(1, "10.0.0.4")}, {1: "10.0.0.4"}),
    "a retired host that is back with another address": (
        {path(1): left(1, "10.0.0.4")},
        {1: "10.0.0.5"},
    ),
}


@pytest.mark.parametrize(("found", "given_out"), RELOADS.values(), ids=RELOADS.keys())
def test_dnsmasq_is_reloaded_where_it_has_to_forget(
    found: dict[str, File], given_out: dict[int, str]
) -> None:
    assert names(host_steps(found, cloud(given_out))) == ["RemoveDhcpHosts", "AddDhcpHosts"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x", f"{mac(1)},web1.novalocal,10.0.0.4\n"),
        ("x", f"{mac(1)} # no longer has 10.0.0.4\n"),
        (path(1).rpartition("/")[2], "nonsense\n"),
        (path(1).rpartition("/")[2], f"{mac(0)},web0.novalocal,10.0.0.3\n"),
        (path(1).rpartition("/")[2], f"{mac(0)} # no longer has 10.0.0.3\n"),
        (path(1).rpartition("/")[2], f"{mac(1)} # no longer has 10.0.0.4\nx\n"),
    ],
)
def test_what_an_admin_put_there_is_removed_with_a_reload(name: str, content: str) -> None:
    """A later line for the MAC address of a port that is there would take its address away."""
    found = {path(0): line(0, "10.0.0.3"), f"{HOSTS}/{name}": File(content)}

    assert names(host_steps(found, cloud({0: "10.0.0.3"}))) == ["RemoveDhcpHosts"]


def test_a_dnsmasq_that_starts_finds_nothing_retired() -> None:
    found = {path(1): left(1, "10.0.0.4"), path(2): line(2, "10.0.0.5")}

    (step,) = host_steps(found, cloud({}), runs=False)
    assert isinstance(step, RemoveDhcpHosts)
    assert [entry[0] for entry in step.files] == [path(1), path(2)]


def test_the_files_of_retired_hosts_go_with_their_network() -> None:
    steps = plan(replace(WHOLE, dhcp_hosts={path(1): left(1, "10.0.0.4")}), wanted(Records()))

    assert f"rm {path(1)}" in steps.commands


@dataclass
class Server:
    """What dnsmasq 2.90 makes of its host files, as tests/kernel/test_reloads.py shows."""

    files: dict[str, File] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    """MAC address and address, the latest first."""
    reloads: int = 0

    def take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, AddDhcpHosts):
                self._write(step.files)
            elif isinstance(step, RetireDhcpHosts):
                self._write(step.retired)
            elif isinstance(step, ReinstateDhcpHosts):
                self._write(step.files)
                self._reload()
            elif isinstance(step, RemoveDhcpHosts):
                for gone, _ in step.files:
                    del self.files[gone]
                self._reload()
            else:
                assert not isinstance(step, StartDnsmasq)

    def _write(self, entries: Iterable[FileEntry]) -> None:
        for name, content in entries:
            self.files[name] = File(content)
            self._read(content)

    def _reload(self) -> None:
        self.reloads += 1
        self.lines = []
        for file in self.files.values():
            self._read(file.content)

    def _read(self, content: str) -> None:
        owner, _, rest = content.partition(" #")[0].strip().partition(",")
        address = rest.rpartition(",")[2]
        if not address or address not in {held for _, held in self.lines}:
            self.lines.insert(0, (owner, address))

    def offers(self) -> dict[str, str]:
        """The address of each MAC address that is offered one."""
        latest: dict[str, str] = {}
        for owner, address in self.lines:
            latest.setdefault(owner, address)
        return {owner: address for owner, address in latest.items() if address}


ADDRESSES = [f"10.0.0.{number}" for number in range(3, 9)]
_CLOUDS = st.dictionaries(st.integers(0, 5), st.sampled_from(ADDRESSES)).map(
    lambda given_out: {
        number: address
        for number, address in given_out.items()
        if list(given_out.values()).count(address) == 1
    }
)


@settings(deadline=None)
@given(st.lists(st.tuples(_CLOUDS, st.booleans()), max_size=8))
def test_dnsmasq_offers_what_is_wanted_and_nothing_else(
    history: list[tuple[dict[int, str], bool]],
) -> None:
    """Whatever comes, goes, comes back and is undone."""
    server, before = Server(), cloud({})
    for given_out, is_undone in history:
        goal = cloud(given_out)
        steps = Plan(tuple(host_steps(server.files, goal)))
        server.take(steps.steps)
        if is_undone:
            server.take(steps.inverse.steps)
            goal = before
        assert server.offers() == {
            file.content.split(",")[0]: host_address(file) for file in goal.dhcp_hosts.values()
        }
        assert host_steps(server.files, goal) == []
        before = goal


def test_deletions_cost_a_reload_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dhcp.MOST_RETIRED >= 200
    monkeypatch.setattr(dhcp, "MOST_RETIRED", 16)
    everyone = {number: f"10.0.0.{number + 2}" for number in range(60)}
    server = Server()
    server.take(host_steps({}, cloud(everyone)))
    for number in range(60):
        del everyone[number]
        server.take(host_steps(server.files, cloud(everyone)))
        assert len(server.files) <= len(everyone) + dhcp.MOST_RETIRED
        assert server.reloads == (number + 1) // (dhcp.MOST_RETIRED + 1)


def test_a_burst_of_deletions_mixed_with_creations_costs_two_reloads_at_most() -> None:
    """In a network with 120 free addresses, of which the longest free is given out first."""
    free = [f"10.0.0.{number}" for number in range(2, 122)]
    everyone = {number: f"10.0.1.{number}" for number in range(200)}
    server = Server()
    server.take(host_steps({}, cloud(everyone)))
    for number in range(200):
        free.append(everyone.pop(number))
        server.take(host_steps(server.files, cloud(everyone)))
        everyone[1000 + number] = free.pop(0)
        server.take(host_steps(server.files, cloud(everyone)))
    assert 0 < server.reloads <= 2

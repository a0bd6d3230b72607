"""The vicinity of some ports: what a change of them turns on, and nothing else of the host."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from netconsole.backend.host import dnsmasq, guards
from netconsole.backend.kernel import links, settings
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.model.subject import Vicinity
from netconsole.backend.system import files
from netconsole.backend.wording import dhcp


def observe(networks_path: str, sysctl_keys: Iterable[str], near: Vicinity) -> Observed:
    """Return what the host holds of ports and of that on which they stand.

    A program tells of the links, and the rest is seen meanwhile: the files may be ten thousand.
    """
    with ThreadPoolExecutor(max_workers=1) as aside:
        linked = aside.submit(links.observe_some, near.links, near.bridges)
        beside = _beside_links(networks_path, sysctl_keys, near)
        found, addresses = linked.result()
    return replace(beside, links=found, addresses=addresses)


def _beside_links(networks_path: str, sysctl_keys: Iterable[str], near: Vicinity) -> Observed:
    paths = tuple(dhcp.paths(networks_path, bridge) for bridge in near.bridges)
    read = {path for each in paths for path in (each.options, each.names)}
    hosts = files.observe_all((each.hosts for each in paths), others=near.other_hosts)
    own = files.observe(networks_path, read.__contains__)
    leases = dnsmasq.observe_some_leases(networks_path, near.bridges, near.macs | near.addresses)
    guarded = guards.observe_near(near.links)
    return Observed(
        sysctls=settings.observe(sysctl_keys),
        dnsmasq=dnsmasq.observe_some(networks_path, near.bridges),
        dhcp_hosts=hosts.files,
        files=own.files,
        directories=files.directories(networks_path) & {each.hosts for each in paths},
        leases=leases.of_bridges,
        guards=guarded.guards,
        guard_table=guarded.guard_table,
        guard_form=guarded.guard_form,
        unreadable={**hosts.unread, **own.unread, **leases.unread, **guarded.unreadable},
    )

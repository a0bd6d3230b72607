"""Intent: what a host should hold, from what the store says. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import addresses, dnsmasq
from netconsole.backend.intent.above import along, followed, masters
from netconsole.backend.intent.addresses import floating_interface
from netconsole.backend.intent.groups import with_groups
from netconsole.backend.intent.guards import guards
from netconsole.backend.intent.links import links, uplink
from netconsole.backend.intent.meaning import meaning
from netconsole.backend.intent.presence import Presence
from netconsole.backend.intent.settings import closed, is_global, sysctls, sysctls_along, uplinks
from netconsole.backend.model.guards import Guard, GuardTable
from netconsole.backend.model.hoststate import Address, FormerLink, Observed, Wanted
from netconsole.backend.model.meaning import Meaning, Translation
from netconsole.backend.model.records import Network, Records
from netconsole.backend.wording import Wording
from netconsole.backend.wording.guards import guard_table
from netconsole.backend.wording.iptables import IPTABLES


def intent(
    records: Records,
    options: Options,
    released: frozenset[Address] = frozenset(),
    observed: Observed | None = None,
    wording: Wording = IPTABLES,
) -> Wanted:
    """Return the state that the records ask of the host named in the options.

    `released` are addresses that the store has just forgotten, on top of its idle floating ones.
    Of what is `observed` only that counts which is `heeded`.
    """
    if touches_nothing(options):
        return Wanted()
    named = Presence(records, options)
    wanted_links = links(named)
    there = observed or Observed()
    above = masters(wanted_links, there.links, records.former_links)
    presence = replace(named, options=followed(options, above))
    translations = _translations(presence, above)
    held = tuple(addresses.held(presence, translations))
    former = along(records.former_addresses, above, there.links)
    idle = released | addresses.left(records, options, above, held)
    guarded = guards(presence)
    return Wanted(
        sysctls={
            **closed(presence, wanted_links, above, there.links, there.addresses),
            **sysctls(presence),
        },
        sysctls_along=sysctls_along(presence),
        links=wanted_links,
        above=above,
        uplinks=uplinks(presence, above),
        former_links=_former_links(records, wanted_links),
        addresses=held,
        chains=wording.chains(_said(presence, translations), options.iptables_drop_action),
        dnsmasq=dnsmasq.processes(presence),
        dhcp_hosts=dnsmasq.hosts(presence),
        files=dnsmasq.files(presence),
        directories=dnsmasq.directories(presence),
        networks_path=options.networks_path,
        released=frozenset(each for each in idle if each[:2] not in former),
        former_addresses=former,
        release_leases=options.force_dhcp_release,
        guards=guarded,
        guard_table=_guard_table(presence, guarded),
        guest_ethertypes=tuple(options.guest_ethertypes),
    )


def heeded(observed: Observed) -> object:
    """Return what of a host its intent turns on, as a value to compare.

    That is which interfaces are ports of a bridge, whose its bridges are, and by which interfaces
    of others it is reached.
    """
    links = [
        (name, link.kind, link.master, link.mac, link.alias)
        for name, link in observed.links.items()
    ]
    reached: set[str] = set()
    for interface, address, *_ in observed.addresses:
        if interface not in reached and is_global(address):
            reached.add(interface)
    return links, reached


def touches_nothing(options: Options) -> bool:
    """Whether the driver chosen is nova's NullL3."""
    return options.l3_lib.endswith(".NullL3")


def _said(presence: Presence, translations: tuple[Translation, ...]) -> Meaning:
    """What becomes of packets, the groups of this host's instances included."""
    served = meaning(presence.served, translations, _shared(presence), presence.options)
    return with_groups(served, presence)


def _shared(presence: Presence) -> Iterator[tuple[Network, str]]:
    """The networks whose address other hosts have as well, with the interface to those."""
    for network in presence.served:
        interface = uplink(network, presence.options)
        if network.multi_host and network.share_address and interface is not None:
            yield network, interface


def _translations(presence: Presence, above: Mapping[str, str]) -> tuple[Translation, ...]:
    """The floating addresses that this host carries: those of the guests whose gateway it is."""
    clients = {network.id: presence.clients(network) for network in presence.served}
    fixed = {
        row.id: row.address
        for row in presence.records.fixed_ips
        if (row.instance_uuid or "") in clients.get(row.network_id, {})
    }
    return tuple(
        Translation(
            floating.address,
            fixed[floating.fixed_ip_id],
            floating_interface(floating, presence.options, above),
        )
        for floating in presence.records.floating_ips
        if floating.fixed_ip_id in fixed
    )


def _guard_table(presence: Presence, guarded: Mapping[str, Guard]) -> GuardTable:
    options = presence.options
    if not options.guard or not (presence.served or presence.carried):
        return frozenset()
    return guard_table(guarded.values(), options.guest_ethertypes)


def _former_links(records: Records, wanted: Collection[str]) -> dict[str, FormerLink]:
    """What is remembered of links that no network has any more."""
    return {name: former for name, former in records.former_links.items() if name not in wanted}

"""Small worlds for tests without a host: records, options, and the states made of them."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.intent.meaning import meaning
from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    File,
    Link,
    Observed,
    ObservedLink,
    Rule,
    Wanted,
)
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import (
    FixedIP,
    FloatingIP,
    Instance,
    Network,
    NetworkUsage,
    Port,
    Records,
)
from netconsole.backend.model.table_names import TableName
from netconsole.backend.plan import plan
from netconsole.backend.survey.status import Status
from netconsole.backend.survey.survey import Survey
from netconsole.backend.wording.iptables import IPTABLES

HOST = "testhost"
NETWORKS_PATH = "/var/lib/netconsole/networks"
FLOATING = "203.0.113.10"
FIXED = "10.0.0.3"
OF_METADATA = Address("lo", "169.254.169.254/32")
"""What a host has that leads guests to a metadata service."""


def options(
    *,
    public_interface: str = "eth0",
    routing_source_ip: str | None = "192.168.1.10",
    metadata_host: str | None = "192.168.1.10",
    forward_bridge_interface: tuple[str, ...] = ("all",),
    dmz_cidr: tuple[str, ...] = (),
    force_snat_range: tuple[str, ...] = (),
    dhcp_domain: str = "novalocal",
    dns_server: tuple[str, ...] = (),
    use_network_dns_servers: bool = False,
    iptables_drop_action: str = "DROP",
    use_single_default_gateway: bool = False,
    force_dhcp_release: bool = True,
    fixed_ip_disassociate_timeout: int = 600,
    auto_assign_floating_ip: bool = False,
    quota_floating_ips: int = 10,
    quota_fixed_ips: int = -1,
) -> Options:
    return Options(
        host=HOST,
        my_ip="192.168.1.10",
        public_interface=public_interface,
        routing_source_ip=routing_source_ip,
        metadata_host=metadata_host,
        forward_bridge_interface=forward_bridge_interface,
        dmz_cidr=dmz_cidr,
        force_snat_range=force_snat_range,
        dhcp_domain=dhcp_domain,
        dns_server=dns_server,
        use_network_dns_servers=use_network_dns_servers,
        iptables_drop_action=iptables_drop_action,
        use_single_default_gateway=use_single_default_gateway,
        force_dhcp_release=force_dhcp_release,
        fixed_ip_disassociate_timeout=fixed_ip_disassociate_timeout,
        auto_assign_floating_ip=auto_assign_floating_ip,
        quota_floating_ips=quota_floating_ips,
        quota_fixed_ips=quota_fixed_ips,
    )


def network(number: int = 0, *, bridge: str | None = None, mtu: int | None = None) -> Network:
    """Network `number` is 10.0.NUMBER.0/24 on br10NUMBER, laid out as FlatDHCP does."""
    return Network(
        id=number + 1,
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        label=f"vmnet{number or ''}",
        cidr=f"10.0.{number}.0/24",
        netmask="255.255.255.0",
        broadcast=f"10.0.{number}.255",
        gateway=f"10.0.{number}.1",
        dhcp_server=f"10.0.{number}.1",
        dhcp_start=f"10.0.{number}.2",
        bridge=bridge or f"br10{number}",
        dns1="8.8.4.4",
        mtu=mtu,
        host=HOST,
    )


def wanted_chains(
    networks: tuple[Network, ...], translations: tuple[Translation, ...], settings: Options
) -> dict[ChainKey, tuple[Rule, ...]]:
    """The chains that a host wants which serves these networks and carries these addresses."""
    said = meaning(networks, translations, (), settings)
    return IPTABLES.chains(said, settings.iptables_drop_action)


def instance(number: int = 0, name: str | None = None) -> Instance:
    called = name or f"web{number}"
    return Instance(f"instance-{number}", called, "demo", HOST, called, id=number + 1)


def mac(number: int = 0) -> str:
    return f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}"


def port(number: int = 0, network_id: int = 1) -> Port:
    """The port of instance `number`: an even one has a tap, an odd one a veth pair."""
    kind, peer = ("veth", f"peer{number}") if number % 2 else ("tap", None)
    uuid, owner = f"port-{number}", f"instance-{number}"
    return Port(
        number + 1,
        uuid,
        mac(number),
        network_id,
        owner,
        "veth" if kind == "veth" else "tap",
        f"{kind}{number}",
        peer,
    )


def fixed_ip(
    number: int = 0,
    *,
    network_id: int = 1,
    allocated: bool = True,
    leased: bool = False,
    address: str | None = None,
) -> FixedIP:
    """The address of instance `number` in the network: 10.0.N.3 is that of the first."""
    return FixedIP(
        id=100 * network_id + number,
        address=address or f"10.0.{network_id - 1}.{number + 3}",
        network_id=network_id,
        allocated=allocated,
        leased=leased,
        instance_uuid=f"instance-{number}",
        port_id=number + 1,
        mac=mac(number),
    )


def floating_ip(
    number: int = 10, fixed_ip_id: int | None = None, interface: str = "eth0"
) -> FloatingIP:
    return FloatingIP(number, f"203.0.113.{number}", "public", interface, fixed_ip_id)


def records(instances: int = 1, floating: bool = True) -> Records:
    """One network with so many instances; the first has the floating address 203.0.113.10."""
    return Records(
        networks=(network(),),
        instances=tuple(instance(number) for number in range(instances)),
        ports=tuple(port(number) for number in range(instances)),
        fixed_ips=tuple(fixed_ip(number) for number in range(instances)),
        floating_ips=(floating_ip(10, 100 if floating and instances else None), floating_ip(11)),
    )


def wanted(found: Records | None = None, released: frozenset[Address] = frozenset()) -> Wanted:
    return intent(records() if found is None else found, options(), released)


ETH0 = ObservedLink("eth0", "")


def observed_as(state: Wanted) -> Observed:
    """What a host shows that holds exactly what a state asks for."""
    files = dict(state.files)
    for server in state.dnsmasq:
        files[server.pid_file] = File("4711\n")
        files[server.pid_file.removesuffix(".pid") + ".leases"] = File("")
    common = {each.name for each in fields(Link)} - {"peer", "mtu"}
    return Observed(
        sysctls=state.sysctls,
        dhcp_hosts=state.dhcp_hosts,
        directories=state.directories,
        addresses=(*state.addresses, Address("eth0", "192.168.1.10/24")),
        chains=dict(state.chains),
        files=files,
        dnsmasq=tuple(replace(server, pids=(4711,)) for server in state.dnsmasq),
        links={"eth0": ETH0}
        | {
            name: ObservedLink(
                **{each: getattr(link, each) for each in common}, mtu=link.mtu or 1500
            )
            for name, link in state.links.items()
        },
        leases={server.bridge: () for server in state.dnsmasq},
        guards=state.guards,
        guard_table=state.guard_table,
    )


def chains(table: TableName, held: Mapping[str, list[str]]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Chains of one table from the texts of their rules."""
    return {
        ChainKey("ipv4", table, chain): tuple(Rule(spec) for spec in specs)
        for chain, specs in held.items()
    }


def with_link(state: Observed, link: ObservedLink) -> Observed:
    return replace(state, links={**state.links, link.name: link})


EMPTY = Observed(sysctls={"net.ipv4.ip_forward": "0"})
WANTED = wanted(records(2))
"""A network, a tap and a veth port, a floating address."""
WHOLE = observed_as(WANTED)
BRIDGE = WHOLE.links["br100"]


def survey(
    observed: Observed,
    found: Records | None = None,
    goal: Wanted = WANTED,
    settings: Options | None = None,
) -> Survey:
    return Survey(
        records=records(2) if found is None else found,
        usage={1: NetworkUsage(total=256, allocated=2, leased=1, reserved=3)},
        observed=observed,
        wanted=goal,
        plan=plan(observed, goal),
        options=settings or options(),
        read_only_because=None,
    )


def status(
    observed: Observed,
    found: Records | None = None,
    goal: Wanted = WANTED,
    settings: Options | None = None,
) -> Status:
    return survey(observed, found, goal, settings).status()


def with_chains(held: Mapping[ChainKey, tuple[Rule, ...]]) -> Observed:
    """The healthy host with other rules in some chains."""
    return replace(WHOLE, chains={**WHOLE.chains, **held})


def is_called(text: str) -> bool:
    """Whether an instance, network, pool or project may be called so."""
    return re.fullmatch(r"(?! |-).{1,255}(?<! )", text) is not None and text.isprintable()

"""The interfaces as they were seen, with what checks alone ask: what they dropped, and offloads."""

from netconsole.backend.kernel.links import observe_links
from netconsole.backend.model.hoststate import Observed, ObservedLink
from netconsole.diagnostics.evidence.counters import link_counters
from netconsole.diagnostics.evidence.features import read_features
from netconsole.diagnostics.parts.links import KernelLink, Links


def read_links(known: Observed | None = None, *, features: bool = False) -> Links:
    """Return every interface, with what it dropped as of now, and its features where asked for:
    to load what reads those takes longer than all else.

    Who has not looked at the host anyway has it done.
    """
    seen = tuple((observe_links() if known is None else known.links).values())
    counted = link_counters()
    on = read_features(link.name for link in seen if _offloads(link)) if features else {}
    return Links(
        tuple(_link(each, _dropped(each.name, counted), on.get(each.name)) for each in seen)
    )


def _offloads(link: ObservedLink) -> bool:
    """Whether it may be hardware's doing what arrives there: not so at guests' ports."""
    return link.kind in ("", "bond", "team", "veth") and not link.ours and link.name != "lo"


def _dropped(name: str, counted: dict[str, int]) -> int:
    return sum(counted.get(f"{name}.{way}_dropped", 0) for way in ("rx", "tx"))


def _link(seen: ObservedLink, dropped: int, features: tuple[str, ...] | None) -> KernelLink:
    details = seen.details
    return KernelLink(
        details.index,
        seen.name,
        "tun" if seen.kind == "tap" else seen.kind,
        up=seen.up,
        carrier=seen.carrier,
        mac=seen.mac or "",
        mtu=seen.mtu or 0,
        master=seen.master or "",
        parent=seen.parent or "",
        vlan=seen.vlan,
        vlan_protocol=details.vlan_protocol,
        settled=details.settled,
        mode=details.mode,
        promiscuity=details.promiscuity,
        has_xdp=details.has_xdp,
        alias=seen.alias,
        queue=details.queue,
        queue_length=details.queue_length,
        bridge=details.bridge,
        port=details.port,
        dropped=dropped,
        arp=details.arp,
        features=features,
    )

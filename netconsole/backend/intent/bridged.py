"""Bridged: whether frames from port to port of one bridge meet iptables. Pure.

Only there do security groups hold between guests of one bridge, and only there the answer to a
guest that asked for a floating address of its neighbour is translated back; elsewhere the
connection would hang, so that there the asking guest's address is translated as without dmz_cidr.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netconsole.backend.model.hoststate import Observed, Wanted, WantedLink
from netconsole.backend.model.table_names import Family
from netconsole.backend.wording.groups import FALLBACK

BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
"""The switch for all bridges; not there without br_netfilter."""
BRIDGE_NF_V6 = "net.bridge.bridge-nf-call-ip6tables"

WITHIN_BRIDGES = "security groups between guests of one bridge"
"""What is not held where a bridge's frames meet no iptables."""
_DMZ = "dmz_cidr between guests"
_FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
_KEPT = " -m conntrack --ctorigdst "


def keeps_sources(wanted: Wanted) -> bool:
    """Whether guests reach floating addresses of others under their own."""
    return any(_KEPT in rule.spec for rules in wanted.chains.values() for rule in rules)


def bridged(
    wanted: Wanted, observed: Observed, everywhere: str | None, everywhere_v6: str | None = "1"
) -> Wanted:
    """Set a bridge's own switch only where that for all is off, and it is ours to set.

    `everywhere` is the value of the switch for all bridges, None where the kernel has none.
    """
    filters, keeps = _filters(wanted), keeps_sources(wanted)
    bridges = _bridges(wanted) if filters else _asking(wanted) if keeps else frozenset[str]()
    if not bridges or everywhere is None:
        reason = "br_netfilter is not loaded: modprobe br_netfilter" if bridges else ""
        return _told(_switched(wanted, (), ()), reason, filters, keeps)
    if everywhere == "1" == everywhere_v6:
        return _switched(wanted, (), ())
    theirs = {name for name in bridges if _is_anothers(name, wanted, observed)}
    needed = ["nf_call_iptables"] if everywhere == "0" else []
    if everywhere_v6 == "0" and _filters(wanted, "ipv6"):
        needed.append("nf_call_ip6tables")
    unmet = {name: missing for name in theirs if (missing := _off(name, needed, observed))}
    reason = ""
    if unmet:
        name, missing = min(unmet.items())
        reason = f"for bridge {name}, which is yours: ip link set dev {name} type bridge "
        reason += " ".join(f"{switch} 1" for switch in missing)
    keeps = keeps and (not unmet or any("nf_call_iptables" in each for each in unmet.values()))
    ours = bridges - theirs
    switched = _switched(
        wanted, ours if everywhere == "0" else (), ours if everywhere_v6 == "0" else ()
    )
    return _told(switched, reason, filters, keeps)


def _filters(wanted: Wanted, *families: Family) -> bool:
    return any(
        key.chain == FALLBACK and key.family in (families or _FAMILIES) for key in wanted.chains
    )


def _asking(wanted: Wanted) -> frozenset[str]:
    return frozenset(name for name, link in wanted.links.items() if link.nf_call_iptables)


def _bridges(wanted: Wanted) -> frozenset[str]:
    """Those with ports of guests, whoever made them."""
    ports = (link for link in wanted.links.values() if link.kind in ("tap", "veth"))
    return frozenset(link.master for link in ports if link.master) | _asking(wanted)


def _is_anothers(name: str, wanted: Wanted, observed: Observed) -> bool:
    found = observed.links.get(name)
    return name not in wanted.links or (found is not None and not found.ours)


def _off(name: str, switches: Iterable[str], observed: Observed) -> list[str]:
    """Those switches of a bridge that are not on; all of one that is not there."""
    return [each for each in switches if not getattr(observed.links.get(name), each, False)]


def _switched(wanted: Wanted, ipv4: Collection[str], ipv6: Collection[str]) -> Wanted:
    """Leave the switches to these bridges alone."""
    links: dict[str, WantedLink] = {
        name: replace(
            link,
            nf_call_iptables=True if link.nf_call_iptables and name in ipv4 else None,
            nf_call_ip6tables=True if link.nf_call_ip6tables and name in ipv6 else None,
        )
        for name, link in wanted.links.items()
        if link.nf_call_iptables or link.nf_call_ip6tables
    }
    return replace(wanted, links={**wanted.links, **links})


def _told(wanted: Wanted, reason: str, filters: bool, keeps: bool) -> Wanted:
    """Say what is not held, and why."""
    if not reason:
        return wanted
    chains = wanted.chains
    if keeps:
        chains = {
            key: tuple(rule for rule in rules if _KEPT not in rule.spec)
            for key, rules in wanted.chains.items()
        }
    told = {**({WITHIN_BRIDGES: reason} if filters else {}), **({_DMZ: reason} if keeps else {})}
    return replace(wanted, chains=chains, unsupported={**wanted.unsupported, **told})

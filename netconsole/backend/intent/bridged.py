"""Bridged: whether guests of one bridge can keep their addresses towards floating ones. Pure.

The answer to a guest that asked for a floating address of its neighbour goes from port to port.
It is translated back only where bridged frames meet iptables; elsewhere the connection would
hang, so that there the asking guest's address is translated as without dmz_cidr.
"""

from dataclasses import replace

from netconsole.backend.model.hoststate import Observed, Wanted, WantedLink

BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
"""The switch for all bridges; not there without br_netfilter."""

_KEPT = " -m conntrack --ctorigdst "


def bridged(wanted: Wanted, observed: Observed, everywhere: str | None) -> Wanted:
    """Set a bridge's own switch only where that for all is off, and it is ours to set.

    `everywhere` is the value of the switch for all bridges, None where the kernel has none.
    """
    if not any(_KEPT in rule.spec for rules in wanted.chains.values() for rule in rules):
        return wanted
    asking = [name for name, link in wanted.links.items() if link.nf_call_iptables]
    if everywhere == "1":
        return _without_switch(wanted, asking)
    if everywhere is None:
        reason = "br_netfilter is not loaded: modprobe br_netfilter"
        return _translating(_without_switch(wanted, asking), reason if asking else "")
    for name in asking:
        found = observed.links.get(name)
        if found is not None and not found.ours and not found.nf_call_iptables:
            reason = f"for bridge {name}, which is yours: "
            reason += f"ip link set dev {name} type bridge nf_call_iptables 1"
            return _translating(_without_switch(wanted, asking), reason)
    return wanted


def _without_switch(wanted: Wanted, bridges: list[str]) -> Wanted:
    links: dict[str, WantedLink] = {
        name: replace(wanted.links[name], nf_call_iptables=None) for name in bridges
    }
    return replace(wanted, links={**wanted.links, **links})


def _translating(wanted: Wanted, reason: str) -> Wanted:
    chains = {
        key: tuple(rule for rule in rules if _KEPT not in rule.spec)
        for key, rules in wanted.chains.items()
    }
    told = {"dmz_cidr between guests": reason} if reason else {}
    return replace(wanted, chains=chains, unsupported={**wanted.unsupported, **told})

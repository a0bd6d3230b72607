"""Which interfaces can lead a network to other hosts: the kernel's rules, worded. Pure."""

from netconsole.backend.model.hoststate import ObservedLink

_HEARD_ELSEWHERE = frozenset({"macvtap", "ipvtap", "vrf"})
"""Kinds that hand what they hear to somebody else already: the kernel says EBUSY, or EINVAL."""


def never_a_port(link: ObservedLink) -> str:
    """Return why an interface can be no port of a bridge; nothing where it can.

    Linux, net/bridge/br_if.c, br_add_if().
    """
    if link.kind == "bridge":
        return "is the bridge of a network" if link.ours else "is a bridge itself"
    if link.kind in _HEARD_ELSEWHERE:
        return f"is a {link.kind}, which can be no port of a bridge"
    return _without_frames(link)


def never_under_vlans(link: ObservedLink) -> str:
    """Return why VLANs cannot be on an interface; nothing where they can.

    Linux, net/8021q/vlan.c, vlan_check_real_dev().
    """
    if link.kind == "bridge" and link.ours:
        return "is the bridge of a network"
    return _without_frames(link)


def _without_frames(link: ObservedLink) -> str:
    match link.medium:
        case "ether":
            return ""
        case "loopback":
            return "is the loopback interface, which leads nowhere"
        case "none":
            kind = "a tun" if link.kind == "tap" else f"a {link.kind or 'tunnel'}"
            return f"is {kind} without Ethernet frames"
    return f"has no Ethernet frames, but those of {link.medium}"

"""Kernel settings: their names, and what the kernel changes along with one of them. Pure.

Who writes ip_forward writes the forwarding of every interface with it, and whether the host as a
whole takes redirects (Linux net/ipv4/devinet.c, inet_forward_change). IPv6 does the same to the
interfaces, forgets routes that were learnt from advertisements, and listens to no further ones,
except where accept_ra is 2 (net/ipv6/addrconf.c; Documentation/networking/ip-sysctl.rst).
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

IP_FORWARD: Final = "net.ipv4.ip_forward"
IPV6_FORWARDING: Final = "net.ipv6.conf.all.forwarding"
SWITCHES: Final = (IP_FORWARD, IPV6_FORWARDING)
"""The settings of ours with which the kernel changes others."""

_REDIRECTS = "net.ipv4.conf.all.accept_redirects"
_OF_INTERFACES: Mapping[str, str] = {
    IP_FORWARD: "net/ipv4/conf/*/forwarding",
    IPV6_FORWARDING: "net/ipv6/conf/*/forwarding",
}
_EXCHANGED: Final = str.maketrans("./", "/.")
_ACCEPT_RA = "net/ipv6/conf/*/accept_ra"
_DISABLE_IPV6 = "net/ipv6/conf/*/disable_ipv6"


def path_of(name: str) -> str:
    """Return the path under /proc/sys of a name in either of the spellings of sysctl.d(5).

    If the first separator is a slash, the rest stands as it is; if it is a dot, dots and
    slashes change places.
    """
    slash, dot = name.find("/"), name.find(".")
    return name if dot < 0 or 0 <= slash < dot else name.translate(_EXCHANGED)


def name_of(path: str) -> str:
    """Return the name that sysctl(8) takes: with dots, unless a part has a dot in it."""
    return path if "." in path else path.replace("/", ".")


def accept_ra(interface: str) -> str:
    """Return the setting that says whether an interface listens to router advertisements."""
    return name_of(_ACCEPT_RA.replace("*", interface))


def disable_ipv6(interface: str) -> str:
    """Return the setting that says whether an interface has no IPv6 of its own."""
    return name_of(_DISABLE_IPV6.replace("*", interface))


def of_new(key: str) -> str:
    """Return the setting from which a new interface takes what a setting of an interface says."""
    parts = path_of(key).split("/")
    return name_of("/".join((*parts[:3], "default", *parts[4:])))


def interface_of(key: str) -> str:
    """Return the interface that a setting is of; `all`, `default`, or nothing for one of the
    host."""
    parts = path_of(key).split("/")
    return parts[3] if parts[2:3] in (["conf"], ["neigh"]) else ""


def along(switch: str) -> tuple[str, ...]:
    """Return what the kernel changes along with a switch: names, and paths with a `*` in them."""
    redirects = (_REDIRECTS,) if switch == IP_FORWARD else ()
    return (*redirects, _OF_INTERFACES[switch])


def belongs_to(key: str, switch: str) -> bool:
    """Whether a setting is a switch, or is remembered and put back with it."""
    path = path_of(key)
    return (
        key == switch
        or any(fnmatchcase(path, path_of(pattern)) for pattern in along(switch))
        or (switch == IPV6_FORWARDING and fnmatchcase(path, _ACCEPT_RA))
    )


def is_accept_ra(key: str) -> bool:
    """Whether it says if an interface listens to router advertisements."""
    return fnmatchcase(path_of(key), _ACCEPT_RA)


def written(key: str, value: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what settings are once one of them has been given another value."""
    if key not in SWITCHES:
        return {**values, key: value}
    pattern = _OF_INTERFACES[key]
    result = {
        each: value if each == key or fnmatchcase(path_of(each), pattern) else found
        for each, found in values.items()
    }
    if key == IP_FORWARD and _REDIRECTS in values:
        result[_REDIRECTS] = "1" if value == "0" else "0"
    return result


def lost(key: str, value: str, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return those of `values` that the kernel overwrites when a setting is given a value.

    All forwarding where that of interfaces to come is among them: only so can it be told later
    which interfaces came.
    """
    if key not in SWITCHES:
        return ()
    after = written(key, value, values)
    of_interfaces = _OF_INTERFACES[key]
    default = name_of(of_interfaces.replace("*", "default"))
    every = default in values and values[default] != after[default]
    everywhere = name_of(of_interfaces.replace("*", "all"))
    return tuple(
        (each, found)
        for each, found in values.items()
        if each not in (key, everywhere)
        and (found != after[each] or (every and fnmatchcase(path_of(each), of_interfaces)))
    )


def with_later_interfaces(
    wanted: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Settings to put back, with what interfaces that came meanwhile would have without us."""
    yield from wanted.items()
    for switch in SWITCHES:
        pattern = _OF_INTERFACES[switch]
        default = wanted.get(name_of(pattern.replace("*", "default")))
        if default is None or values.get(switch) == wanted.get(switch):
            continue
        of_interfaces = (each for each in values if fnmatchcase(path_of(each), pattern))
        for each in of_interfaces:
            if each not in wanted and interface_of(each) != "all":
                yield each, default

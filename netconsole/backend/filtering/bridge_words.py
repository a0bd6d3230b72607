"""The words of ebtables in the one form in which rules are compared. Pure.

ebtables-save prints MAC addresses without leading zeros where it is of the legacy kind. It names
ethertypes and protocols as the machine's files do (ethertypes(5), protocols(5)), and ICMP types as
its version does. Here these are numbers, but for the few names that every machine has.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

Numbers = Mapping[str, int]
"""Names in lower case, and what they stand for."""

KEPT_ETHERTYPES = ("ARP", "IPv4", "IPv6")
KEPT_PROTOCOLS: Mapping[int, str] = MappingProxyType({1: "icmp", 17: "udp", 58: "ipv6-icmp"})

_ETHERTYPES: Numbers = MappingProxyType({"ipv4": 0x0800, "802_1q": 0x8100, "s-tag": 0x88A8})
"""Which ebtables knows without a file, or its versions name differently from it."""
_ICMP: Numbers = MappingProxyType({"redirect": 5, "router-advertisement": 9})
_ICMPV6: Numbers = MappingProxyType(
    {
        "destination-unreachable": 1,
        "packet-too-big": 2,
        "time-exceeded": 3,
        "parameter-problem": 4,
        "echo-request": 128,
        "echo-reply": 129,
        "mld-listener-query": 130,
        "mld-listener-report": 131,
        "mld-listener-done": 132,
        "router-solicitation": 133,
        "router-advertisement": 134,
        "neighbour-solicitation": 135,
        "neighbour-advertisement": 136,
        "redirect": 137,
    }
)
_ANY_CODE = "/0:255"


def ethertypes_in(text: str) -> dict[str, int]:
    """Return the ethertypes of a file as ethertypes(5) has them; lines that are none are none."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, number, *aliases = [*line.partition("#")[0].split(), "", ""]
        try:
            value = int(number, 16)
        except ValueError:
            continue
        found |= {each.lower(): value for each in (name, *aliases) if each}
    return found


def canonical(spec: str, ethertypes: Numbers, protocols: Callable[[str], int | None]) -> str:
    """Return a rule in the words in which ours are made.

    `protocols` gives the number of a protocol by its name, and None for no name.
    """
    told = spec.split()
    words: list[str] = []
    option = ""
    for word in told:
        if word.startswith("-"):
            option = word
        elif word != "!":
            word = _value(option, word, ethertypes, protocols)
        words.append(word)
    return " ".join(words)


def _value(
    option: str, word: str, ethertypes: Numbers, protocols: Callable[[str], int | None]
) -> str:
    match option:
        case "-s" | "-d" | "--arp-mac-src" | "--arp-mac-dst":
            return "/".join(map(_padded, word.split("/")))
        case "-p" if word.lower() != "length":
            return _ethertype(word, ethertypes, KEPT_ETHERTYPES)
        case "--arp-ptype":
            return _ethertype(word, ethertypes, ())
        case "--ip-proto" | "--ip6-proto":
            number = int(word) if word.isdigit() else protocols(word)
            return word if number is None else KEPT_PROTOCOLS.get(number, str(number))
        case "--ip-icmp-type":
            return _message(word, _ICMP)
        case "--ip6-icmp-type":
            return _message(word, _ICMPV6)
    return word


def _padded(mac: str) -> str:
    return ":".join(part.rjust(2, "0") for part in mac.split(":")) if ":" in mac else mac


def _ethertype(word: str, ethertypes: Numbers, kept: tuple[str, ...]) -> str:
    named = {each.lower(): each for each in kept}
    if word.lower() in named:
        return named[word.lower()]
    try:
        number = int(word, 16)
    except ValueError:
        found = ethertypes.get(word.lower(), _ETHERTYPES.get(word.lower()))
        if found is None:
            return word
        number = found
    return f"0x{number:04x}"


def _message(word: str, numbers: Numbers) -> str:
    name = word.removesuffix(_ANY_CODE)
    return str(numbers.get(name, name))

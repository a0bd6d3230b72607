"""What the arguments of a dnsmasq say (dnsmasq(8)), whoever started it. Pure."""

from collections.abc import Iterator, Sequence

_SERVES = frozenset({"--interface", "-i", "--listen-address", "-a"})


def values(argv: Sequence[str], option: str) -> tuple[str, ...]:
    """Return the values of a long option, in order: `--server=192.0.2.1` gives one of `server`."""
    begin = f"--{option}="
    return tuple(word.removeprefix(begin) for word in argv if word.startswith(begin))


def value(argv: Sequence[str], option: str) -> str:
    """Return the first value of a long option, or nothing where it is not given."""
    return next(iter(values(argv, option)), "")


def paths(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the absolute paths that long options give."""
    given = (word.partition("=")[2] for word in argv)
    return tuple(text for text in given if text.startswith("/"))


def served(argv: Sequence[str]) -> Iterator[str]:
    """Yield the interfaces and addresses that it serves, as far as its arguments name them."""
    for word, following in zip(argv, (*argv[1:], ""), strict=False):
        name, given, text = word.partition("=")
        if name in _SERVES:
            yield from (text if given else following).split(",")
        elif word[:2] in _SERVES:
            yield from word[2:].split(",")


_PROGRAMS = {
    "/libvirt/": "libvirt",
    "NetworkManager": "NetworkManager",
    "nm-dnsmasq": "NetworkManager",
    "/incus/": "Incus",
    "/lxd/": "LXD",
    "/containers/": "Podman",
    "/nova/": "nova-network",
}
"""Parts of paths, by which a dnsmasq of another program is known."""


def started_by(argv: Sequence[str]) -> str:
    """Return the name of the program whose dnsmasq this is, as far as its arguments tell."""
    words = " ".join(argv)
    return next((name for sign, name in _PROGRAMS.items() if sign in words), "an unknown program")

"""Starting a dnsmasq where it harms nobody, to see whether it would: dnsmasq --test sees less.

It starts in network and process namespaces of its own, in which its bridge has its address, and
then ends with them. So it opens its files, finds its user and binds its sockets as it will; only
that others have a port already is not seen there. What would show outside is taken from its
configuration, which it is given as its standard input: scripts, logs and the message bus.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from netconsole.backend.host import dnsmasq_configuration as configuration
from netconsole.backend.kernel import links
from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import Address, Dnsmasq
from netconsole.backend.system.programs import ProgramFailed, ProgramTimedOut, run

_REFUSED = 100
"""Added to dnsmasq's exit status: less is unshare(1)'s, and says nothing of dnsmasq."""
_SCRIPT = f"""
head --lines="$1" | ip $0 -batch - >/dev/null 2>&1 || [ "$0" = -force ] || exit 0
shift
"$@"
status=$?
[ $status = 0 ] || exit $((status + {_REFUSED}))
"""
_NAMESPACES = ("unshare", "--net", "--pid", "--fork", "--kill-child")
"""Its /proc stays: a lab or a container may mount none, and dnsmasq needs none."""
_KEPT_FROM_IT = ("--pid-file=", "--dhcp-leasefile=", "--conf-file=")
_INSTEAD = ("--pid-file=", "--dhcp-leasefile=/dev/null", "--conf-file=-", "--log-facility=-")
"""Without a log of its own it would write to the system's."""

_LEFT_OUT = frozenset(
    {"conf-script", "dhcp-luascript", "dnssec-timestamp", "enable-dbus", "enable-ubus"}
)
"""A conf-script may need the network, which is not there; dnsmasq --test has run it already."""
_WRITTEN = frozenset({"dumpfile", "log-facility"})
_PLAIN_PATH = re.compile(r"/[\w./-]+")


def rehearse(server: Dnsmasq) -> None:
    """Start a dnsmasq in namespaces that end with it. Raises ProgramFailed where it does not start.

    Nothing is known, and nothing raised, where there may be no such namespaces.
    """
    lines = configuration.every_line(server.configuration) if server.configuration else ()
    if lines is None:
        return  # gone since dnsmasq --test
    configured = tuple(without_effects(lines))
    bridge = dnsmasq_arguments.value(server.argv, "interface")
    address = dnsmasq_arguments.value(server.argv, "listen-address")
    own = (Address(bridge, f"{address}/32"),) if bridge and address else ()
    try:
        _start(server, configured, _ground(own), "-4")
    except Unavailable:
        return  # no unshare(1) here
    except ProgramTimedOut:
        raise
    except ProgramFailed:
        # Perhaps it wants an interface or address of this host: all of them take their time.
        whole = _ground((*links.observe_addresses(), *own), links.observe_links())
        _start(server, configured, whole, "-force")


def without_effects(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a configuration, without those by which a dnsmasq that starts does more than start.

    A log or a script that cannot be had has no effect either, and is for dnsmasq to tell of. A
    script is not left out but does nothing, as its user has to be there.
    """
    for line in lines:
        name, value = configuration.option(line)
        if name in _LEFT_OUT or (name in _WRITTEN and _can_be_written(value)):
            continue
        if name == "dhcp-script" and not _is_missing(value):
            yield "dhcp-script=/bin/true"
        else:
            yield line


def _can_be_written(path: str) -> bool:
    """Whether a file is or could be made; also of what is no path, such as a log facility."""
    if "/" not in path:
        return True
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        return Path(path).parent.is_dir()
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) == errno.ENXIO  # a FIFO that nobody reads now
    return True


def _is_missing(script: str) -> bool:
    """Whether there is no such script. Others than plain paths are commands for a shell."""
    return _PLAIN_PATH.fullmatch(script) is not None and not Path(script).exists()


def _start(server: Dnsmasq, configured: tuple[str, ...], ground: tuple[str, ...], how: str) -> None:
    words = (word for word in server.argv if not word.startswith(_KEPT_FROM_IT))
    run(
        (*_NAMESPACES, "sh", "-c", _SCRIPT, how, str(len(ground)), *words, *_INSTEAD),
        text="".join(f"{line}\n" for line in (*ground, *configured)),
        good=range(_REFUSED),
    )


def _ground(addresses: tuple[Address, ...], names: Iterable[str] = ()) -> tuple[str, ...]:
    """The lines for `ip -batch` that make interfaces with addresses."""
    bridges = dict.fromkeys((*names, *(each.interface for each in addresses)))
    return (
        "link set dev lo up",
        *(f"link add name {name} up type bridge" for name in bridges if name != "lo"),
        *(
            f"address add {each.address} dev {each.interface}{' nodad' if each.is_v6 else ''}"
            for each in addresses
        ),
    )

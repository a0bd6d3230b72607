"""Starting a dnsmasq where it harms nobody, to see whether it would: dnsmasq --test sees less.

It starts in network and process namespaces of its own, in which its bridge has its address, and
then ends with them. So it opens its files, finds its user and binds its sockets as it will; only
that others have a port already is not seen there.
"""

from collections.abc import Iterable

from netconsole.backend.host import links
from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import Address, Dnsmasq
from netconsole.backend.system.programs import ProgramFailed, ProgramTimedOut, run

_REFUSED = 100
"""Added to dnsmasq's exit status: less is unshare(1)'s, and says nothing of dnsmasq."""
_SCRIPT = f"""
ip $0 -batch - >/dev/null 2>&1 || [ "$0" = -force ] || exit 0
"$@"
status=$?
[ $status = 0 ] || exit $((status + {_REFUSED}))
"""
_NAMESPACES = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_KEPT_FROM_IT = ("--pid-file=", "--dhcp-leasefile=")
_INSTEAD = ("--pid-file=", "--dhcp-leasefile=/dev/null")


def rehearse(server: Dnsmasq) -> None:
    """Start a dnsmasq in namespaces that end with it. Raises ProgramFailed where it does not start.

    Nothing is known, and nothing raised, where there may be no such namespaces.
    """
    bridge = dnsmasq_arguments.value(server.argv, "interface")
    address = dnsmasq_arguments.value(server.argv, "listen-address")
    own = (Address(bridge, f"{address}/32"),) if bridge and address else ()
    try:
        _start(server, _ground(own), "-4")
    except Unavailable:
        return  # no unshare(1) here
    except ProgramTimedOut:
        raise
    except ProgramFailed:
        # Perhaps it wants an interface or address of this host: all of them take their time.
        whole = _ground((*links.observe_addresses(), *own), links.observe_links())
        _start(server, whole, "-force")


def _start(server: Dnsmasq, ground: Iterable[str], how: str) -> None:
    words = (word for word in server.argv if not word.startswith(_KEPT_FROM_IT))
    run(
        (*_NAMESPACES, "sh", "-c", _SCRIPT, how, *words, *_INSTEAD),
        text="".join(ground),
        good=range(_REFUSED),
    )


def _ground(addresses: tuple[Address, ...], names: Iterable[str] = ()) -> Iterable[str]:
    """The lines for `ip -batch` that make interfaces with addresses."""
    yield "link set dev lo up\n"
    for name in dict.fromkeys((*names, *(each.interface for each in addresses))):
        if name != "lo":
            yield f"link add name {name} type bridge\nlink set dev {name} up\n"
    for each in addresses:
        yield f"address add {each.address} dev {each.interface}{' nodad' if each.is_v6 else ''}\n"

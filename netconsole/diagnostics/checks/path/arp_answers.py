"""Is the host set to answer ARP for the addresses that guests and routers ask it for?"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, RunProgram, SetSysctl, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls, conf_key
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating, of_networks

ID: Final = "arp_answers"
TITLE = "The host answers ARP for its own addresses"
IGNORE, FILTER = "arp_ignore", "arp_filter"
ECHO = "net/ipv4/icmp_echo_ignore_all"
NOTHING, SAME_SUBNET = 8, 2
"""Values of arp_ignore: answer for no address; answer only who is in a subnet of that interface."""
HARMLESS = "1"
"""Of arp_ignore: each interface answers for its own addresses alone."""
ARP_ON = "`ip link set dev {name} arp on`, and take it out of what configures the interface."
FAKE_LINKS = ("dummy",)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An address that others ask for by ARP, and who they are."""

    interface: str
    address: str
    askers: tuple[str, ...]
    """Addresses of whom asks; empty where they are not known."""
    use: str


@dataclass(frozen=True, slots=True)
class _Silence:
    """A setting that keeps the host from answering."""

    asked: _Asked
    setting: str
    """arp_ignore, arp_filter, or NOARP."""
    asker: str = ""
    """The one that is not answered; empty where nobody is."""


def judge(snapshot: Snapshot) -> Finding:
    """Compare the settings of ARP in force with the addresses that are asked for."""
    asked = tuple(_asked(snapshot))
    if not asked:
        because = "No address of a network or floating one is on this host."
        return Finding(ID, TITLE, "not-applicable", because)
    silences = [each for one in asked if (each := _silence(snapshot, one))]
    if silences:
        return _silent(snapshot, silences)
    if snapshot.part(Sysctls).number(ECHO):
        return _no_echo(snapshot)
    if found := _silent_at_boot(snapshot, asked):
        return found
    names = ", ".join(dict.fromkeys(each.interface for each in asked))
    return Finding(ID, TITLE, "ok", f"Nothing keeps {names} from answering.")


def _asked(snapshot: Snapshot) -> Iterator[_Asked]:
    status, routing = snapshot.part(Backend).status, snapshot.part(Routing)
    on = {(each.interface, each.address) for each in routing.addresses}
    for network in status.networks:
        guests = tuple(each.address for each in status.allocations if each.network == network.label)
        for address in dict.fromkeys((network.gateway, network.dhcp_server)):
            if address and (network.bridge, address) in on:
                use = f"the gateway of {network.label}"
                yield _Asked(network.bridge, address, guests[:1], use)
    routers = {each.interface: each.gateway for each in routing.routes if each.gateway}
    for each in status.floating_ips:
        if each.carried and (each.interface, each.address) in on:
            known = routers.get(each.interface)
            use = f"the floating address of {each.instance}"
            yield _Asked(each.interface, each.address, (known,) if known else (), use)
    host = status.host
    if status.networks and host.my_ip and (host.public_interface, host.my_ip) in on:
        known = routers.get(host.public_interface)
        use = "what guests send under"
        yield _Asked(host.public_interface, host.my_ip, (known,) if known else (), use)


def _silence(snapshot: Snapshot, asked: _Asked) -> _Silence | None:
    name = asked.interface
    link = (snapshot.get(Links) or Links(())).get(name)
    if link is not None and not link.arp and link.mac and link.kind not in FAKE_LINKS:
        return _Silence(asked, "NOARP")
    ignore = max(_value(snapshot, each, IGNORE) for each in ("all", name))
    if ignore == NOTHING:
        return _Silence(asked, IGNORE)
    if ignore == SAME_SUBNET:
        own = [each.subnet for each in snapshot.part(Routing).on(name)]
        for asker in asked.askers:
            pair = (IPv4Address(asker), IPv4Address(asked.address))
            if not any(all(one in subnet for one in pair) for subnet in own):
                return _Silence(asked, IGNORE, asker)
    paths = snapshot.get(ReversePaths)
    if paths is not None and any(_value(snapshot, each, FILTER) for each in ("all", name)):
        for path in (path for one in paths.interfaces if one.name == name for path in one.paths):
            if path.source in asked.askers and path.returns_by not in ("", name):
                return _Silence(asked, FILTER, path.source)
    return None


def _value(snapshot: Snapshot, interface: str, setting: str) -> int:
    return snapshot.part(Sysctls).number(conf_key(interface, setting))


def _silent(snapshot: Snapshot, silences: list[_Silence]) -> Finding:
    others = list(dict.fromkeys(each.asked.address for each in silences[1:]))
    more = f" So it is with {', '.join(others[:4])}." if others else ""
    because = f"{_because(snapshot, silences[0])}{more}"
    settings = _settings(snapshot, silences)
    values, drop_ins = snapshot.part(Sysctls), snapshot.part(DropIns)
    persist, permanence = drop_ins.make_permanent(settings) if settings else (None, "")
    links = dict.fromkeys(each.asked.interface for each in silences if each.setting == "NOARP")
    steps: tuple[Step, ...] = (
        *(SetSysctl(name_of(key), value, values.get(key)) for key, value in settings.items()),
        *(_with_arp(each) for each in links),
    )
    rows = (
        *(
            Evidence(name_of(key), values.get(key), value, drop_ins.says_who(key, values.get(key)))
            for key, value in settings.items()
        ),
        *(Evidence(f"interface {each}", "NOARP", "ARP") for each in links),
        *(
            Evidence(
                f"{one.asked.address} on {one.asked.interface}", "not answered", note=one.asker
            )
            for one in silences[:8]
        ),
        *((Evidence(AT_BOOT, permanence),) if permanence else ()),
    )
    remedy = ARP_ON.format(name=next(iter(links))) if links else REMEDY
    out = (
        "floating_address, gateway: the addresses are on their interfaces",
        "the packet filter: no rule is asked before this",
    )
    return Finding(ID, TITLE, "fail", because, rows, out, Plan(steps), persist, remedy)


def _because(snapshot: Snapshot, silence: _Silence) -> str:
    asked, name = silence.asked, silence.asked.interface
    if silence.setting == "NOARP":
        return (
            f"{name} is set to do without ARP (NOARP): the host neither answers nor asks there, so "
            f"that nobody on that wire finds {asked.address}, {asked.use}, nor this host anybody."
        )
    if silence.setting == FILTER:
        return (
            f"arp_filter is on at {name}: the host answers an ARP request only if its route to who "
            f"asks leaves by {name}, and that to {silence.asker} does not. {asked.address}, "
            f"{asked.use}, is not found from there."
        )
    value = max(_value(snapshot, each, IGNORE) for each in ("all", name))
    whom = (
        f"nobody who asks for {asked.address}, {asked.use}"
        if not silence.asker
        else f"only who is in a subnet of {name}, and {silence.asker}, which asks for "
        f"{asked.address}, {asked.use}, is in none"
    )
    return f"net.ipv4.conf.{name}.arp_ignore is {value} in force: the host answers {whom}."


REMEDY = (
    "arp_ignore 1 is as strict as a host with floating addresses can be: each interface answers "
    "for its own addresses. In force is the larger of the interface's value and that of `all`."
)


def _settings(snapshot: Snapshot, silences: list[_Silence]) -> dict[str, str]:
    """Return what has to change, to which value; of `all` where that is what is in force."""
    harmless = {IGNORE: HARMLESS, FILTER: "0"}
    return {
        conf_key(name, each.setting): harmless[each.setting]
        for each in silences
        if each.setting in harmless
        for name in ("all", each.asked.interface)
        if _value(snapshot, name, each.setting) > int(harmless[each.setting])
    }


def _with_arp(interface: str) -> RunProgram:
    words = ("ip", "link", "set", "dev", interface, "arp")
    return RunProgram((*words, "on"), (*words, "off"))


def _silent_at_boot(snapshot: Snapshot, asked: tuple[_Asked, ...]) -> Finding | None:
    """Of files by which the host answers no ARP, or no ping, after the next boot; else None."""
    drop_ins = snapshot.part(DropIns)
    interfaces = dict.fromkeys(("all", *(each.interface for each in asked), "default"))
    keys = {conf_key(name, IGNORE): (str(NOTHING), HARMLESS) for name in interfaces}
    for key, (bad, good) in (keys | {ECHO: ("1", "0")}).items():
        line = drop_ins.setter(key)
        if line is None or line.value != bad:
            continue
        persist, permanence = drop_ins.make_permanent({key: good})
        what = "ping" if key == ECHO else f"ARP for {asked[0].address}, {asked[0].use}"
        because = (
            f"The host answers now, and {line.place} sets {name_of(key)} to {bad} at the next "
            f"boot: from then on it answers no {what}."
        )
        rows = (
            Evidence(f"{name_of(key)} from the next boot on", bad, good, line.place),
            Evidence(AT_BOOT, permanence),
        )
        remedy = f"Take the line out of {line.file}, where it is not meant."
        return Finding(ID, TITLE, "warn", because, rows, persist=persist, remedy=remedy)
    return None


def _no_echo(snapshot: Snapshot) -> Finding:
    drop_ins = snapshot.part(DropIns)
    because = (
        "net.ipv4.icmp_echo_ignore_all is on: the host answers no ping, so that guests which look "
        "whether their gateway is there, and whoever watches this host, take it for dead. What is "
        "forwarded passes all the same."
    )
    persist, permanence = drop_ins.make_permanent({ECHO: "0"})
    rows = (
        Evidence(name_of(ECHO), "1", "0", drop_ins.says_who(ECHO, "1")),
        Evidence(AT_BOOT, permanence),
    )
    fix = Plan((SetSysctl(name_of(ECHO), "0", "1"),))
    remedy = "Where that is meant, as a recipe of hardening has it, leave it, and know it."
    return Finding(ID, TITLE, "warn", because, rows, (), fix, persist, remedy)


PAGE = Explanation(
    symptom="Floating addresses are dead from outside, or guests do not find their gateway, though "
    "every address and rule is in its place; who has the host in its table of neighbours still "
    "reaches it for a while.",
    cause="Who wants to send to an address of this host asks for it by ARP. arp_ignore, arp_filter "
    "and the flag NOARP tell the kernel not to answer: a recipe of hardening, or a setting for a "
    "load balancer, that came along with something else.",
    evidence="arp_ignore and arp_filter in force at each interface where the gateway of a network "
    "or a floating address is, and the flag NOARP. With 8 nobody is answered, with 2 only who is "
    "in a subnet of that interface, with 1 whoever asks for an address of it. With arp_filter the "
    "kernel's own route back to who asks has to leave by the same interface. Where it answers "
    "now, what the files of sysctl.d(5) say for the next boot.",
    look_alikes=(
        ("floating_address", "the address is not on the interface."),
        ("arp_flux", "more than one interface answers."),
        ("rp_filter", "ARP requests of some sources are dropped, and arp_ignore is 0 or 1."),
        ("upstream_arp", "the router does not ask: it believes an old answer."),
    ),
    cure="arp_ignore 1 where it is larger, arp_filter 0, `ip link set dev INTERFACE arp on`. It "
    "takes effect at once. For good: a drop-in in /etc/sysctl.d.",
    source="Linux Documentation/networking/ip-sysctl.rst, arp_ignore, arp_filter, "
    "icmp_echo_ignore_all; ip-link(8), arp; RFC 826",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Routing, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Links, ReversePaths}),
    narrow=narrowed(of_networks, of_floating),
    reach=Reach.HOST,
    wrong="The host is set to be silent where it is asked",
)

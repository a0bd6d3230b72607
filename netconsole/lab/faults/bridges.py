"""Faults of bridges and their ports, each with the settings of one check."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.backend.survey.status import Allocation
from netconsole.lab.clouds.guests import INTERFACE
from netconsole.lab.faults import traffic
from netconsole.lab.faults.fault import Fault, recall, remember
from netconsole.lab.sandbox.commands import LabFailed, run

Commands = Sequence[tuple[str, ...]]

_UNKNOWN_VLAN: Final = "4000"
_CALL: Final = "net.bridge.bridge-nf-call-iptables"
_DELAY: Final = "3000"
"""Hundredths of a second: as long as the kernel allows, so that it lasts while one looks."""


def guest(service: Service, number: int) -> Allocation:
    """Return the port of an instance; raises Conflict where there are not that many."""
    found = [each for each in service.status().allocations if each.device_state != "missing"]
    if number >= len(found):
        raise Conflict(f"there are {len(found)} instances, and this takes {number + 1}")
    return found[number]


def bridge_of(service: Service, port: Allocation) -> str:
    """Return the bridge that a port belongs to."""
    networks = service.status().networks
    return next(each.bridge for each in networks if each.label == port.network)


def _port_fault(
    fault_id: str,
    breaks: str,
    symptom: str,
    is_broken: Callable[[Service], bool],
    commands: Callable[[Service], tuple[Commands, Commands]],
) -> Fault:
    """Return a fault of commands that name ports and addresses of this lab; the second undo it."""

    def break_it(service: Service) -> None:
        forth, back = commands(service)
        remember(fault_id, {"back": json.dumps(back)})
        for command in forth:
            run(*command)

    def mend_it(service: Service) -> None:
        before = recall(fault_id)
        if before and is_broken(service):
            for command in json.loads(before["back"]):
                run(*command)

    return Fault(fault_id, breaks, symptom, is_broken, break_it, mend_it)


def _link(name: str) -> dict[str, object]:
    (found,) = json.loads(run("ip", "-json", "-details", "link", "show", "dev", name))
    return dict(found)


def _info(name: str, part: str) -> dict[str, object]:
    info = _link(name).get("linkinfo")
    found = info.get(part) if isinstance(info, dict) else None
    return dict(found) if isinstance(found, dict) else {}


def _of_port(service: Service, setting: str, value: object) -> bool:
    return _info(guest(service, 0).device, "info_slave_data").get(setting) == value


def _of_bridge(service: Service, setting: str, value: object) -> bool:
    return _info(bridge_of(service, guest(service, 0)), "info_data").get(setting) == value


def _unplug(service: Service) -> tuple[Commands, Commands]:
    port = guest(service, 0)
    link = ("ip", "link", "set", "dev", port.device)
    hairpin = ("bridge", "link", "set", "dev", port.device, "hairpin", "on")
    back = ((*link, "master", bridge_of(service, port)), hairpin)
    return [(*link, "nomaster")], back


def _wait_for_tree(service: Service) -> tuple[Commands, Commands]:
    port = guest(service, 1)
    bridge = ("ip", "link", "set", "dev", bridge_of(service, port), "type", "bridge")
    link = ("ip", "link", "set", "dev", port.device)
    restart = ((*link, "down"), (*link, "up"))
    forth = ((*bridge, "forward_delay", _DELAY, "stp_state", "1"), *restart)
    return forth, ((*bridge, "stp_state", "0"), (*bridge, "forward_delay", "0"), *restart)


def _hairpin(service: Service) -> tuple[Commands, Commands]:
    change = ("bridge", "link", "set", "dev", guest(service, 0).device, "hairpin")
    return [(*change, "off")], [(*change, "on")]


def _isolate(service: Service) -> tuple[Commands, Commands]:
    ports = (guest(service, 0).device, guest(service, 1).device)
    changes = [("bridge", "link", "set", "dev", port, "isolated") for port in ports]
    return [(*change, "on") for change in changes], [(*change, "off") for change in changes]


def _set_port(
    setting: str, wrong: str, usual: str
) -> Callable[[Service], tuple[Commands, Commands]]:
    """Return what sets the port of the second guest otherwise, and back."""

    def commands(service: Service) -> tuple[Commands, Commands]:
        change = ("bridge", "link", "set", "dev", guest(service, 1).device, setting)
        return [(*change, wrong)], [(*change, usual)]

    return commands


def _of_second_port(setting: str, value: object) -> Callable[[Service], bool]:
    """Return whether the port of the second guest is set so."""
    return lambda service: _info(guest(service, 1).device, "info_slave_data").get(setting) == value


def _misplace(service: Service) -> tuple[Commands, Commands]:
    here, there = guest(service, 0), guest(service, 1)
    entry = (there.mac, "dev", here.device, "master")
    forth = [("bridge", "fdb", "replace", *entry, "permanent")]
    return forth, [("bridge", "fdb", "delete", *entry)]


def _is_misplaced(service: Service) -> bool:
    here, there = guest(service, 0), guest(service, 1)
    entries = run("bridge", "fdb", "show", "dev", here.device).splitlines()
    return any(line.startswith(f"{there.mac} ") and "permanent" in line for line in entries)


def _never_remember(service: Service) -> tuple[Commands, Commands]:
    bridge = bridge_of(service, guest(service, 0))
    change = ("ip", "link", "set", "dev", bridge, "type", "bridge", "ageing_time")
    return [(*change, "0")], [(*change, "30000")]


def _forget_listeners(service: Service) -> tuple[Commands, Commands]:
    bridge = bridge_of(service, guest(service, 0))
    change = ("ip", "link", "set", "dev", bridge, "type", "bridge")
    forth = (*change, "mcast_querier", "1", "mcast_membership_interval", "300")
    return [forth], [(*change, "mcast_querier", "0", "mcast_membership_interval", "26000")]


def _other_vlan(service: Service) -> tuple[Commands, Commands]:
    port = guest(service, 0)
    change = ("ip", "link", "set", "dev", bridge_of(service, port), "type", "bridge")
    member = ("dev", port.device, "vid")
    forth = (
        (*change, "vlan_filtering", "1"),
        ("bridge", "vlan", "delete", *member, "1"),
        ("bridge", "vlan", "add", *member, _UNKNOWN_VLAN, "pvid", "untagged"),
    )
    back = (
        (*change, "vlan_filtering", "0"),
        ("bridge", "vlan", "delete", *member, _UNKNOWN_VLAN),
        ("bridge", "vlan", "add", *member, "1", "pvid", "untagged"),
    )
    return forth, back


def _is_in_other_vlan(service: Service) -> bool:
    told = json.loads(run("bridge", "-json", "vlan", "show") or "[]")
    port = guest(service, 0).device
    return any(
        str(vlan["vlan"]) == _UNKNOWN_VLAN
        for each in told
        if each["ifname"] == port
        for vlan in each["vlans"]
    )


def _filter_vlans(fault: Fault) -> Fault:
    """Let the fault say what is missing where the kernel filters no VLANs."""

    def break_it(service: Service) -> None:
        bridge = bridge_of(service, guest(service, 0))
        try:
            run("ip", "link", "set", "dev", bridge, "type", "bridge", "vlan_filtering", "1")
        except LabFailed as error:
            raise Conflict(f"this kernel's bridges filter no VLANs: {error}") from error
        fault.break_it(service)

    return Fault(fault.id, fault.breaks, fault.symptom, fault.is_broken, break_it, fault.mend_it)


def _pass_the_filter_by(service: Service) -> tuple[Commands, Commands]:
    port = ("-m", "physdev", "--physdev-in", guest(service, 0).device, "--physdev-is-bridged")
    rule = ("FORWARD", *port, "-p", "tcp", "--dport", "25", "-j", "DROP")
    call = ("sysctl", "-q", "-w")
    forth = (("iptables", "-w", "-I", *rule), (*call, f"{_CALL}=0"))
    return forth, (("iptables", "-w", "-D", *rule), (*call, f"{_CALL}=1"))


def _is_passed_by(service: Service) -> bool:
    return "physdev" in run("iptables", "-S", "FORWARD")


def _twin(service: Service) -> None:
    """The third guest sends frames under the MAC address of the second."""
    victim, culprit = guest(service, 1), guest(service, 2)
    traffic.as_anybody(service, culprit.instance)
    send = traffic.frames_from(victim.mac, INTERFACE)
    traffic.start("mac_twin", culprit.instance, send, 0.05)


def _end_twin(service: Service) -> None:
    if not traffic.runs("mac_twin"):
        return
    traffic.stop("mac_twin")
    victim, culprit = guest(service, 1), guest(service, 2)
    traffic.as_itself(service, culprit.instance)
    entries = run("bridge", "fdb", "show", "dev", culprit.device).splitlines()
    if any(line.startswith(f"{victim.mac} ") for line in entries):
        run("bridge", "fdb", "delete", victim.mac, "dev", culprit.device, "master")


def _overload(service: Service) -> None:
    """A limit at the port of the second guest, and the first one sends it more than that."""
    sender, receiver = guest(service, 0), guest(service, 1)
    limit = ("rate", "64kbit", "burst", "1600", "limit", "3000")
    run("tc", "qdisc", "add", "dev", receiver.device, "root", "tbf", *limit)
    remember("drops", {"port": receiver.device})
    traffic.start("drops", sender.instance, traffic.datagrams_to(receiver.address, 10, 500), 0.1)


def _end_overload(service: Service) -> None:
    traffic.stop("drops")
    before = recall("drops")
    if before and "tbf" in run("tc", "qdisc", "show", "dev", before["port"]):
        run("tc", "qdisc", "delete", "dev", before["port"], "root")


FAULTS: Final = (
    _port_fault(
        "port_unplugged",
        "The port of web1 was taken out of its bridge.",
        "web1 reaches nobody, and nobody reaches web1; its interface is up all the same.",
        lambda service: "master" not in _link(guest(service, 0).device),
        _unplug,
    ),
    _port_fault(
        "stp",
        "The bridge has the spanning tree on, and the port of web2 was restarted.",
        "web2 reaches nobody for a minute, then everything works: a guest that boots meanwhile "
        "gets no address.",
        lambda service: _of_bridge(service, "stp_state", 1),
        _wait_for_tree,
    ),
    _port_fault(
        "hairpin",
        "Hairpin was switched off at the port of web1.",
        "web1 does not reach itself under its own floating address; all others do.",
        lambda service: _of_port(service, "hairpin", False),
        _hairpin,
    ),
    _port_fault(
        "ports_isolated",
        "The ports of web1 and web2 were isolated from each other.",
        "web1 and web2 reach the host and the world, and not each other.",
        lambda service: _of_port(service, "isolated", True),
        _isolate,
    ),
    _port_fault(
        "port_disabled",
        "The port of web2 was shut by hand, while the spanning tree is off.",
        "web2 reaches nobody, and nobody reaches web2; its port is up and in its bridge.",
        _of_second_port("state", "disabled"),
        _set_port("state", "0", "3"),
    ),
    _port_fault(
        "port_locked",
        "The port of web2 was locked, as for 802.1X, and nobody lets it in.",
        "web2 reaches nobody: the bridge drops what comes from it.",
        _of_second_port("locked", True),
        _set_port("locked", "on", "off"),
    ),
    _port_fault(
        "port_no_broadcast",
        "Broadcasts are no more sent out by the port of web2.",
        "Who has just started does not find web2; who knows it already reaches it.",
        _of_second_port("bcast_flood", False),
        _set_port("bcast_flood", "off", "on"),
    ),
    _port_fault(
        "port_no_multicast",
        "Multicast is no more sent out by the port of web2.",
        "web2 hears no mDNS and no VRRP, and its IPv6 finds no neighbours.",
        _of_second_port("mcast_flood", False),
        _set_port("mcast_flood", "off", "on"),
    ),
    _port_fault(
        "port_no_learning",
        "The bridge does not learn at the port of web2.",
        "Everything works, and each guest gets what is for web2 as well.",
        _of_second_port("learning", False),
        _set_port("learning", "off", "on"),
    ),
    _port_fault(
        "port_suppressed",
        "The bridge answers ARP itself instead of asking at the port of web2.",
        "web2 is looked for where it was before, when its hardware address has changed.",
        _of_second_port("neigh_suppress", True),
        _set_port("neigh_suppress", "on", "off"),
    ),
    _port_fault(
        "fdb",
        "The MAC address of web2 was entered behind the port of web1, to stay there.",
        "web1 does not reach web2, on the same bridge; nothing is down, no rule counts.",
        _is_misplaced,
        _misplace,
    ),
    _port_fault(
        "fdb_ageing",
        "The bridge was told to remember no MAC address.",
        "Everything works; each guest gets what is for the others as well.",
        lambda service: _of_bridge(service, "ageing_time", 0),
        _never_remember,
    ),
    Fault(
        "mac_twin",
        "db1 sends frames under the MAC address of web2, as a copied guest would.",
        "web2 is reached now and then: what is for it goes to db1 until web2 sends something.",
        lambda service: traffic.runs("mac_twin"),
        _twin,
        _end_twin,
    ),
    _port_fault(
        "bridge_nf_off",
        "Bridged frames pass iptables by, and a rule there is about the port of web1.",
        "web1 sends mail to web2 on port 25, which the rule forbids.",
        _is_passed_by,
        _pass_the_filter_by,
    ),
    _port_fault(
        "multicast",
        "The bridge asks for listeners, and forgets them after 3 s.",
        "Multicast between guests stops seconds after a program has joined its group.",
        lambda service: _of_bridge(service, "mcast_membership_intvl", 300),
        _forget_listeners,
    ),
    _filter_vlans(
        _port_fault(
            "vlan",
            "The bridge filters VLANs, and the port of web1 is in one of its own.",
            "web1 reaches nobody; its port is up, in its bridge, and forwards.",
            _is_in_other_vlan,
            _other_vlan,
        )
    ),
    Fault(
        "drops",
        "A limit of 64 kbit/s was set at the port of web2, and web1 sends it more.",
        "Packets to web2 are lost at random, short ones and long ones alike.",
        lambda service: traffic.runs("drops"),
        _overload,
        _end_overload,
    ),
)

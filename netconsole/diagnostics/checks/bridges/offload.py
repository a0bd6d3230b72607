"""B8: does an interface under a bridge put packets together that must be forwarded as they are?"""

from typing import Final

from netconsole.backend.steps import Plan, RunProgram, Step
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "offload"
TITLE = "No interface merges what is forwarded"
MERGING = "rx-lro"
HARMLESS = ("rx-gro", "rx-gro-hw", "tx-tcp-segmentation", "tx-checksum-ip-generic")
REMEDY = (
    "Lasting: `LargeReceiveOffload=false` in a .link file of systemd.link(5), or the driver's own "
    "option. GRO stays: it can be undone on the way out."
)


def judge(snapshot: Snapshot) -> Finding:
    """Look at the features of the interfaces under the bridges, and of the public one."""
    asked = [link for link in Wiring.of(snapshot).hops if link.features is not None]
    if not asked:
        because = "No hardware is under a network, or it does not say what it offloads."
        return Finding(ID, TITLE, "not-applicable", because)
    rows = tuple(_row(link) for link in asked)
    merging = [link for link in asked if MERGING in (link.features or ())]
    if merging:
        first = merging[0]
        because = (
            f"{first.name} merges TCP segments that it receives (large receive offload). What was "
            "merged cannot be taken apart again when it is forwarded to a guest: it is too long "
            "for the next link and dropped, and connections crawl."
        )
        plan = Plan(tuple(_switch_off(link) for link in merging))
        return Finding(ID, TITLE, "fail", because, rows, (), plan, remedy=REMEDY)
    because = (
        "Nothing is merged for good. Packets longer than the link in a capture (GRO, TSO), and "
        "wrong checksums of what this host sends, are as it should be."
    )
    return Finding(ID, TITLE, "ok", because, rows)


def _row(link: KernelLink) -> Evidence:
    features = link.features or ()
    on = [name for name in (MERGING, *HARMLESS) if name in features]
    return Evidence(f"offloads of {link.name}", ", ".join(on) or "none", f"no {MERGING}")


def _switch_off(link: KernelLink) -> Step:
    change = ("ethtool", "-K", link.name, "lro")
    return RunProgram((*change, "off"), (*change, "on"))


PAGE = Explanation(
    symptom="Downloads of guests crawl, small packets and the host itself are fast.",
    cause="With large receive offload the network card merges TCP segments and forgets their "
    "borders; they cannot be forwarded after that. GRO, which the kernel does, keeps them, and "
    "what it merged is taken apart on the way out. The kernel switches LRO off where it bridges "
    "or forwards, but not where a driver does it in spite of that, or it was switched on later.",
    evidence="The features of the interfaces under the bridges, and of the public interface, as "
    "`ethtool -k` prints them: rx-lro. No fault: packets of 64 KiB in a capture, and checksums "
    "that a capture calls wrong on packets that this host sends; hardware fills them in later.",
    look_alikes=(
        ("mtu", "a packet of full size does not pass at all, with LRO off too."),
        ("drops", "a counter of dropped packets rises at one hop."),
        ("saturation", "the processors have more to do than they can."),
    ),
    cure="`ethtool -K INTERFACE lro off`, which costs the host a little work. To keep it: "
    "LargeReceiveOffload=false in a .link file. It needs the program ethtool.",
    source="Linux Documentation/networking/netdev-features.rst; ethtool(8); systemd.link(5)",
)

CHECK = Check(
    ID,
    ("B8",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_ports, of_networks),
    wrong="An interface merges packets that are forwarded",
)

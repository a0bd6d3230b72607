"""Reach: which findings are told first, by what they cut off. Pure."""

from collections.abc import Iterable

from netconsole.backend.model.phrases import count, some
from netconsole.backend.survey.trouble import Reach, Trouble
from netconsole.diagnostics.model.finding import Finding

_HOST = frozenset(
    {
        "asymmetric_route",
        "conntrack_full",
        "egress_source",
        "forward_filter",
        "ingress_destination",
        "ip_forward",
        "legacy_filter",
        "mandatory_access",
        "modules",
        "neighbour_table",
        "other_firewalls",
        "own_address",
        "routes",
        "rp_filter",
        "saturation",
        "state_directory",
        "uplink",
        "xtables_lock",
    }
)
"""Checks of what every guest's packets, or every change, depend on."""
_NETWORK = frozenset(
    {
        "bridge",
        "bridge_nf",
        "bridge_nf_unmet",
        "dhcp_checksum",
        "dhcp_firewall",
        "dhcp_hosts",
        "dhcp_nak",
        "dhcp_probe",
        "dhcp_rogue",
        "dns",
        "dnsmasq_load",
        "dnsmasq_processes",
        "drift",
        "fdb",
        "gateway",
        "metadata",
        "mtu",
        "multicast",
        "stp",
        "vlan",
    }
)
"""Checks of what the guests of a network share."""

SHOWN_BY_STATUS = frozenset(
    {"ip_forward", "own_address", "bridge", "dnsmasq_processes"}
    | {"floating_address", "floating_nat", "drift"}
)
"""Checks whose findings a status shows by itself, and at once."""


def reach_of(finding: Finding) -> Reach:
    """Whom it cuts off; a warning cuts off nobody yet."""
    if finding.verdict != "fail":
        return Reach.NOBODY
    if finding.check in _HOST:
        return Reach.HOST
    return Reach.NETWORK if finding.check in _NETWORK else Reach.INSTANCE


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What fails by its reach, then warnings, then what could not be checked, then the rest."""

    def key(finding: Finding) -> tuple[int, int]:
        order = {"fail": 0, "warn": 1, "unknown": 2}.get(finding.verdict, 3)
        return order, reach_of(finding)

    return tuple(sorted(findings, key=key))


def troubles_of(findings: Iterable[Finding]) -> tuple[Trouble, ...]:
    """What the checks found beyond what a status shows, and which of them could not be made."""
    chosen = [each for each in findings if each.check not in SHOWN_BY_STATUS]
    found = [
        Trouble(reach_of(each), f"{each.check}: {each.because}") for each in chosen if each.found
    ]
    unknown = [each.check for each in chosen if each.verdict == "unknown"]
    if unknown:
        said = f"{count(len(unknown), 'check')} could not be made (p says why): {some(unknown)}"
        found.append(Trouble(Reach.NOBODY, said, certain=False))
    return tuple(found)

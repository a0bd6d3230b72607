"""What frames at a guest's port say of the guest, and what is concluded of guests."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from bridge_samples import GUESTS, LINKS, WIRED

from netconsole.backend.steps import Plan
from netconsole.diagnostics.checks.path import guest_answers
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers, AskedAddress
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import (
    GuestAnswer,
    GuestAnswers,
    GuestTalk,
    GuestWay,
    Outcome,
    UsedAddress,
)
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.probes import guest_conduct as conduct
from netconsole.diagnostics.probes.dhcp_message import discover
from netconsole.diagnostics.probes.guest_frames import (
    ECHO_REQUEST,
    ICMP,
    TCP,
    UDP,
    PortArp,
    PortPacket,
    arp_request,
    echo_request,
    parse,
)
from netconsole.diagnostics.tracing.local_packets import TracedQuestion

OWN, ROUTER, OTHER = "fa:16:3e:00:00:01", "fa:16:3e:00:00:ff", "52:54:00:00:00:99"
NETWORK = IPv4Network("10.0.0.0/24")
WELL = GuestAnswer(
    *("web1", "vmnet", "10.0.0.2", OWN, "tap1"),
    macs=(OWN,),
    echoed=True,
    prefix_length=24,
    way_out=GuestWay("203.0.113.2", sends_to=ROUTER),
)
SILENT = replace(WELL, macs=(), echoed=False, prefix_length=None, way_out=None)


def judged(
    *answers: GuestAnswer, target: str = "", leased: bool = True, others: tuple[ArpAnswer, ...] = ()
) -> Finding:
    """`others` answer for the gateway as well."""
    guests = tuple(replace(each, leased=leased) for each in GUESTS)
    third = replace(guests[0], instance="db1", address="10.0.0.4")
    seen = Snapshot.of(
        Backend(replace(WIRED, allocations=(*guests, third)), Plan()),
        LINKS,
        Routing((InterfaceAddress("br100", "10.0.0.1", 24, "global"),)),
        GuestAnswers(answers),
        ArpAnswers((AskedAddress("br100", "10.0.0.1", others),)),
    )
    meant = Target(target, target) if target else None
    return guest_answers.CHECK.examine(replace(seen, target=meant))


def test_what_is_written_is_what_is_read() -> None:
    mac = bytes.fromhex(OWN.replace(":", ""))
    asked = parse(arp_request(mac, "10.0.0.1", "10.0.0.2"), leaves=True)
    assert asked == PortArp(True, OWN, False, OWN, "10.0.0.1", "10.0.0.2")
    echo = parse(echo_request(mac, OTHER, "10.0.0.1", "10.0.0.2", 77), leaves=True)
    assert isinstance(echo, PortPacket)
    assert (echo.destination_mac, echo.icmp, echo.identifier) == (OTHER, 8, 77)
    assert parse(b"\0" * 20, leaves=False) is None


def test_a_question_that_we_send_in_a_guests_name_is_not_taken_for_its_own() -> None:
    followed = TracedQuestion("10.0.0.2", "10.0.0.4").frame("10.0.0.2", OWN, OTHER)
    assert len(followed) == 60
    assert parse(followed, leaves=False) is None
    assert parse(followed[:42], leaves=False) is not None


def arp(leaves: bool, sender: str, target: str) -> PortArp:
    return PortArp(leaves, OWN, leaves, OWN, sender, target)


def test_who_is_answered_by_a_guest_is_not_its_router() -> None:
    far, near = "203.0.113.2", "10.0.0.4"
    asked = PortPacket(True, ROUTER, OWN, far, "10.0.0.2", ICMP, icmp=ECHO_REQUEST, identifier=7)
    pinged = replace(asked, source=near, identifier=8)
    looks, told = arp(False, "10.0.0.2", near), arp(True, near, "10.0.0.2")
    assert conduct.way((asked, looks), 7, far, "10.0.0.2", ()).asks_for == near
    assert conduct.way((pinged, asked, looks), 7, far, "10.0.0.2", ()).asks_for == ""
    assert conduct.way((asked, looks, told), 7, far, "10.0.0.2", ()).asks_for == ""


@pytest.mark.parametrize("turn", [0, 1, 77, 255])
def test_each_trial_is_a_neighbour_by_shorter_masks_alone(turn: int) -> None:
    trials = conduct.mask_trials("10.0.0.2", NETWORK, ["10.0.0.64"], beyond=True, turn=turn)
    assert [each.bit for each in trials] == [24, 25, 26, 27, 28, 29, 30]
    for trial in trials:
        longer = IPv4Network(f"10.0.0.2/{trial.bit}", strict=False)
        shorter = IPv4Network(f"10.0.0.2/{trial.bit - 1}", strict=False)
        assert IPv4Network(trial.source).subnet_of(shorter)
        assert not IPv4Network(trial.source).subnet_of(longer)
        assert trial.source != "10.0.0.64"


@pytest.mark.parametrize(("mask", "seen"), [(16, 23), (24, 24), (27, 27), (30, 30), (32, 30)])
def test_a_mask_shows_by_whom_it_takes_for_neighbours(mask: int, seen: int) -> None:
    trials = conduct.mask_trials("10.0.0.2", NETWORK, (), beyond=True)
    ways = [
        (each, GuestWay(each.source, each.source))
        if mask < each.bit
        else (each, GuestWay(each.source, sends_to=ROUTER))
        for each in trials
    ]
    assert conduct.prefix_length(NETWORK, ways, ROUTER) == seen
    assert conduct.prefix_length(NETWORK, [], ROUTER) is None


def test_who_remembers_somebody_by_the_routers_address_says_nothing_of_a_mask() -> None:
    """As after this host has answered ARP for others: a mask would have it send all that way."""
    trials = conduct.mask_trials("10.0.0.2", NETWORK, (), beyond=False)
    ways = [(each, GuestWay(each.source, each.source)) for each in trials[:-1]]
    remembered = (trials[-1], GuestWay(trials[-1].source, sends_to=ROUTER))
    assert conduct.prefix_length(NETWORK, [*ways, remembered], ROUTER) is None


def syn(leaves: bool, peer: str, port: int) -> PortPacket:
    ends = (peer, "10.0.0.2") if leaves else ("10.0.0.2", peer)
    macs = (ROUTER, OWN) if leaves else (OWN, ROUTER)
    return PortPacket(leaves, *macs, *ends, TCP, 40000, port, begins=True)


def reset(leaves: bool, peer: str, port: int) -> PortPacket:
    ends = (peer, "10.0.0.2") if leaves else ("10.0.0.2", peer)
    macs = (ROUTER, OWN) if leaves else (OWN, ROUTER)
    return PortPacket(leaves, *macs, *ends, TCP, port, 40000, refuses=True)


def question(peer: str) -> PortPacket:
    return PortPacket(False, OWN, ROUTER, "10.0.0.2", peer, UDP, 40000, 53)


@pytest.mark.parametrize(
    ("frames", "outcome"),
    [
        ([syn(True, "192.0.2.9", 80), reset(False, "192.0.2.9", 80)], "refused"),
        ([syn(True, "192.0.2.9", 80)] * 2, "silent"),
        (
            [
                syn(True, "192.0.2.9", 80),
                replace(reset(False, "192.0.2.9", 80), refuses=False),
                reset(False, "192.0.2.9", 80),
            ],
            "answered",
        ),
    ],
)
def test_what_came_of_a_connection(frames: list[PortPacket], outcome: Outcome) -> None:
    (talk,) = conduct.talks(frames, "10.0.0.2")
    assert (talk.begun_by_guest, talk.port, talk.outcome) == (False, 80, outcome)


def test_a_question_that_an_error_answers_is_refused() -> None:
    error = PortPacket(
        *(True, ROUTER, OWN, "198.18.0.53", "10.0.0.2", 1),
        refuses=True,
        icmp=3,
        quoted=(UDP, 53),
    )
    (talk,) = conduct.talks([question("198.18.0.53"), error], "10.0.0.2")
    assert (talk.begun_by_guest, talk.outcome) == (True, "refused")


def test_a_guest_that_is_well() -> None:
    found = judged(WELL, target="web1")
    assert (found.verdict, found.remedy) == ("ok", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (replace(SILENT, used=(UsedAddress("10.0.0.77", OWN),)), "uses the address 10.0.0.77 at"),
        (replace(WELL, macs=(OTHER,)), f"the hardware address {OTHER}"),
        (replace(WELL, prefix_length=30), "/30 or more instead of /24"),
        (replace(WELL, prefix_length=23), "shorter than /24"),
        (
            replace(WELL, way_out=GuestWay("203.0.113.2", asks_for="10.0.0.250")),
            "by 10.0.0.250, for which it asks",
        ),
        (
            replace(WELL, way_out=GuestWay("203.0.113.2", asks_for="203.0.113.2")),
            "among its neighbours, for 203.0.113.2",
        ),
        (replace(SILENT, used=(UsedAddress("169.254.7.7", OWN),)), "gives itself"),
        (replace(SILENT, asks_for_lease=True), "asks for one by DHCP"),
    ],
)
def test_what_is_seen_at_a_port_is_found_without_being_asked(
    answer: GuestAnswer, words: str
) -> None:
    found = judged(answer)
    assert found.verdict in ("fail", "warn")
    assert found.confidence == "certain"
    assert words in found.because
    assert found.fix is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (SILENT, "though it has a lease"),
        (replace(WELL, way_out=GuestWay("203.0.113.2")), "no default route"),
    ],
)
def test_who_is_cut_off_is_found_and_why_is_likely(answer: GuestAnswer, words: str) -> None:
    found = judged(answer)
    assert (found.verdict, found.confidence) == ("warn", "likely")
    assert words in found.because


def test_who_never_had_a_lease_may_be_off() -> None:
    found = judged(SILENT, leased=False)
    assert found.verdict == "info"
    assert "the guest is off" in found.because


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (replace(SILENT, has_carrier=False, is_asked=False), "no carrier"),
        (
            replace(WELL, talks=(GuestTalk(True, "udp", "198.18.0.53", 53, "silent", 3),)),
            "asks the name server 198.18.0.53",
        ),
        (
            replace(WELL, talks=(GuestTalk(False, "tcp", "192.0.2.9", 80, "refused"),)),
            "with a reset (RST)",
        ),
        (
            replace(WELL, talks=(GuestTalk(False, "tcp", "192.0.2.9", 80, "silent", 3),)),
            "A filter inside it",
        ),
    ],
)
def test_what_may_be_on_purpose_is_found_where_the_guest_is_asked_about(
    answer: GuestAnswer, words: str
) -> None:
    found = judged(answer, target="web1")
    assert found.verdict in ("fail", "warn")
    assert words in found.because
    assert judged(answer).verdict in ("ok", "info")


def test_the_name_server_of_the_network_is_no_fault_of_the_guest() -> None:
    for server in ("10.0.0.1", "203.0.113.1"):
        talk = GuestTalk(True, "udp", server, 53, "silent", 3)
        assert judged(replace(WELL, talks=(talk,)), target="web1").verdict == "ok"


def test_who_believes_another_machine_that_answers_for_the_gateway_is_not_to_blame() -> None:
    astray = replace(WELL, way_out=GuestWay("203.0.113.2", sends_to=OTHER))
    assert judged(astray, target="web1").verdict == "fail"
    assert judged(astray, target="web1", others=(ArpAnswer(OTHER, "tap2"),)).verdict == "ok"


def test_a_guest_behind_a_port_that_lets_no_question_out_is_not_blamed() -> None:
    unheard = replace(SILENT, is_asked=False)
    assert judged(unheard, target="web1").verdict == "unknown"
    assert judged(replace(SILENT, is_veiled=True), target="web1").verdict == "unknown"
    assert judged(unheard, replace(WELL, instance="web2")).verdict == "ok"


def test_many_that_are_silent_at_once_are_no_fault_of_guests() -> None:
    named = [
        replace(SILENT, instance=name, address=f"10.0.0.{at}")
        for at, name in ((2, "web1"), (3, "web2"), (4, "db1"))
    ]
    found = judged(*named)
    assert (found.verdict, found.confidence) == ("fail", "likely")
    assert "What carries them" in found.because
    assert judged(*named, leased=False).verdict == "info"
    assert judged(*named[:2]).verdict == "warn"


def test_where_addresses_are_injected_nothing_is_said_of_a_server() -> None:
    flat = replace(WIRED, networks=(replace(WIRED.networks[0], has_dhcp=False),))
    seen = Snapshot.of(
        Backend(replace(flat, allocations=GUESTS), Plan()),
        LINKS,
        Routing(()),
        GuestAnswers((replace(SILENT, asks_for_lease=True),)),
    )
    found = guest_answers.CHECK.examine(replace(seen, target=Target("web1", "web1")))
    assert found.verdict == "fail"
    assert "the addresses of this network are injected" in found.because
    assert "netconsole instance inject web1" in found.remedy


def test_a_request_for_an_address_that_is_followed_is_not_the_guests() -> None:
    own = discover(OWN, OWN, 7)
    (followed, clients) = (parse(frame, leaves=False) for frame in (own, own + bytes(50)))
    assert isinstance(followed, PortPacket)
    assert isinstance(clients, PortPacket)
    assert not conduct.asks_for_lease([followed])
    assert conduct.asks_for_lease([replace(clients, size=clients.size + 50)])


@pytest.mark.parametrize(("others", "verdict"), [(True, "warn"), (False, "info")])
def test_a_guest_that_answers_all_but_its_gateway_has_a_filter_against_it(
    others: bool, verdict: str
) -> None:
    deaf = replace(WELL, echoed=False, way_out=None, asker="10.0.0.1", answers_others=others)
    finding = judged(deaf)
    assert finding.verdict == verdict
    assert ("none from 10.0.0.1" in finding.because) == others

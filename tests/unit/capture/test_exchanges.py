"""How long DNS and DHCP let their clients wait."""

import packets
from packets import (
    MS,
    answer,
    built,
    came_in,
    dns_message,
    dns_segment,
    query,
    udp,
    went_out,
)

from netconsole.capture.exchanges import Exchange, Exchanges
from netconsole.capture.packet import Packet

END = 60_000_000_000


def exchange(*seen: Packet, end: int = END) -> Exchange:
    exchanges = Exchanges()
    for packet in seen:
        exchanges.add(packet)
    (found,) = exchanges.report(end)
    return found


def test_each_answer_belongs_to_its_question() -> None:
    seen = [came_in(number, query(number, f"host{number}.example.org")) for number in range(20)]
    seen += [
        went_out(100 + 2 * n, answer(n, f"host{n}.example.org", rcode=3 if n % 2 else 0))
        for n in range(20)
    ]
    found = exchange(*seen)
    assert (found.questions, found.answered, found.lost) == (20, 20, 0)
    assert found.outcomes == {"NOERROR": 10, "NXDOMAIN": 10}
    assert (found.waits.p50_ms, found.waits.p95_ms, found.waits.max_ms) == (110, 118, 119)
    assert found.slowest[0].what == "A host19.example.org"
    assert found.slowest[0].seconds == 0.119


def test_what_differs_in_any_part_is_another_question() -> None:
    seen = [came_in(1, query(1)), went_out(2, answer(2)), went_out(2, answer(1, target=4243))]
    seen += [went_out(2, answer(1, "other.example.org"))]
    assert exchange(*seen).answered == 0
    assert exchange(came_in(1, query(1)), went_out(2, answer(1, "WWW.example.org"))).answered == 1


def test_asked_again_is_one_question_that_waited_from_the_first() -> None:
    found = exchange(came_in(0, query(1)), came_in(5000, query(1)), went_out(5010, answer(1, tc=1)))
    assert (found.questions, found.answered, found.retransmissions) == (1, 1, 1)
    assert found.waits.max_ms == 5010
    assert found.truncated == 1


def test_without_an_answer_is_lost_unless_it_was_just_asked() -> None:
    found = exchange(came_in(1000, query(1)), came_in(4500, query(2)), end=5_000_000_000)
    assert (found.questions, found.answered, found.lost) == (2, 0, 1)
    assert found.slowest[0].seconds is None
    assert found.waits.p50_ms is None


def test_dns_over_tcp_is_asked_and_answered_too() -> None:
    asked = came_in(0, dns_segment(dns_message(1), dns_message(2, "b.test")))
    one = went_out(4, dns_segment(dns_message(2, "b.test", reply=True), reply=True))
    two = went_out(9, dns_segment(dns_message(1, reply=True), reply=True, at=90))
    found = exchange(asked, one, two)
    assert (found.questions, found.answered, found.lost) == (2, 2, 0)
    assert [(each.what, each.seconds) for each in found.slowest] == [
        ("A www.example.org over TCP", 0.009),
        ("A b.test over TCP", 0.004),
    ]
    again = exchange(asked, (5 * MS, *asked[1:]), one, two)
    assert (again.questions, again.answered, again.retransmissions) == (2, 2, 2)


def test_the_same_question_over_udp_and_tcp_is_two() -> None:
    udp_first = (came_in(0, query(1)), went_out(1, answer(1, tc=1)))
    found = exchange(*udp_first, came_in(2, dns_segment(dns_message(1))))
    assert (found.questions, found.answered, found.truncated) == (2, 1, 1)


def test_what_is_in_the_middle_of_a_long_answer_is_no_question() -> None:
    long = dns_message(1, reply=True) + bytes(range(256)) * 20
    pieces = [long[at : at + 1000] for at in range(0, len(long), 1000)]
    seen = [came_in(0, dns_segment(dns_message(1)))]
    whole = dns_segment(long, reply=True)
    seen.append(went_out(3, whole[:1000]))
    seen += [went_out(3 + n, dns_segment(piece, reply=True)) for n, piece in enumerate(pieces[1:])]
    seen += [came_in(9, dns_segment(source=4242, at=80)), came_in(10, dns_segment(b"", at=81))]
    found = exchange(*seen)
    assert (found.questions, found.answered) == (1, 1)
    assert found.waits.max_ms == 3


def test_over_tcp_too_it_is_known_where_the_name_was_cut_off() -> None:
    name = "a-very-long-label-of-a-name.of-a-domain-that-goes-on.and-on-and-on.example.org"
    pair = (
        dns_segment(dns_message(7, name)),
        dns_segment(dns_message(7, name, reply=True), reply=True),
    )
    found = exchange(came_in(0, pair[0][:96]), went_out(2, pair[1][:96]))
    assert (found.questions, found.answered) == (1, 1)
    assert found.slowest[0].what.endswith("… over TCP")


def dhcp(xid: int, kind: str, *, reply: bool = False) -> bytes:
    from scapy.layers.dhcp import BOOTP, DHCP

    chaddr = bytes.fromhex(packets.GUEST.replace(":", ""))
    message = BOOTP(op=2 if reply else 1, xid=xid, chaddr=chaddr)
    ends = (67, 68) if reply else (68, 67)
    return udp(
        1, payload=built(message / DHCP(options=[("message-type", kind), "end"])), ports=ends
    )


def test_a_lease_is_two_exchanges_also_where_the_options_were_cut_off() -> None:
    whole = [
        came_in(0, dhcp(7, "discover")),
        went_out(3, dhcp(7, "offer", reply=True)),
        came_in(4, dhcp(7, "request")),
        went_out(5, dhcp(7, "ack", reply=True)),
    ]
    found = exchange(*whole)
    assert (found.service, found.questions, found.answered) == ("dhcp", 2, 2)
    assert found.outcomes == {"OFFER": 1, "ACK": 1}
    assert found.waits.max_ms == 3
    assert found.slowest[0].client == packets.GUEST
    cut = exchange(*((at, frame[:128], size, flags) for at, frame, size, flags in whole))
    assert (cut.questions, cut.answered, cut.outcomes) == (2, 2, {"reply": 2})


def test_another_client_has_its_own_exchange() -> None:
    other = dhcp(8, "offer", reply=True)
    assert exchange(came_in(0, dhcp(7, "discover")), went_out(1, other)).answered == 0

"""Which of the packets that the kernel gives up was ours, by interface, length and time."""

from dataclasses import replace

from netconsole.diagnostics.parts.journey import KernelDrop
from netconsole.diagnostics.tracing.drop_events import (
    BufferEvent,
    BufferFreed,
    BufferReceived,
    EventsLost,
    filters,
    is_missed,
    kernel_drop,
    lengths,
    parse_events,
)
from netconsole.diagnostics.tracing.heard import TraceSighting
from netconsole.diagnostics.tracing.traced_packet import Recognised, TracedPacket

_BEGIN = "            ping-7901    [000] ..s1. 28473.1038"
TOLD = "\n".join(
    (
        f"{_BEGIN}78: netif_receive_skb: dev=br100 skbaddr=0000bcd5 len=65",
        f"{_BEGIN}85: kfree_skb: skbaddr=0000bcd5 rx_sk=0000000000000000 protocol=2048 "
        "location=ip_error+0x94/0x210 reason: IP_INNOROUTES",
        "CPU:1 [LOST 7 EVENTS]",
        f"{_BEGIN}86: kfree_skb: skbaddr=0000bcd6 protocol=2048 "
        "location=ip_error+0x94/0x210 reason: NOT_SPECIFIED",
        f"{_BEGIN}87: kfree_skb: skbaddr=0000bcd7 protocol=2048 location=00000000c0ffee11",
    )
)
"""Of Linux 6.18, of 5.17, which has no socket there, and of one before, without a reason."""
PACKET = TracedPacket("icmp", "192.0.2.1", 0, 99)
LENGTH = len(PACKET.packet("10.0.0.2"))
AT = 28_473_103_878_000
RECEIVED = BufferReceived(AT, "a", "br100", LENGTH)
FREED = BufferFreed(AT + 7_000, "a", "ip_error", "IP_INNOROUTES")
SEEN = TraceSighting(AT + 400, "br100", False, Recognised("there", "10.0.0.2", "192.0.2.1"), LENGTH)
DROP = KernelDrop("there", "br100", "ip_error", "IP_INNOROUTES", is_certain=True)


def test_events_are_read_as_kernels_print_them() -> None:
    assert list(parse_events(TOLD)) == [
        BufferReceived(AT, "0000bcd5", "br100", 65),
        BufferFreed(AT + 7_000, "0000bcd5", "ip_error", "IP_INNOROUTES"),
        EventsLost(AT + 8_000),
        BufferFreed(AT + 8_000, "0000bcd6", "ip_error", ""),
        BufferFreed(AT + 9_000, "0000bcd7", "", ""),
    ]


def test_ours_is_known_by_where_when_and_how_long() -> None:
    assert kernel_drop([RECEIVED, FREED], [SEEN], 0) == DROP
    ahead = replace(SEEN, at=SEEN.at + 5_000_000_000)
    assert kernel_drop([RECEIVED, FREED], [ahead], 5_000_000_000) == DROP
    others = (
        replace(RECEIVED, interface="eth0"),
        replace(RECEIVED, length=LENGTH + 1),
        replace(RECEIVED, at=AT + 60_000_000),
        replace(RECEIVED, buffer="b"),
    )
    for other in others:
        assert kernel_drop([other, FREED], [SEEN], 0) is None
    assert kernel_drop([RECEIVED, FREED], [replace(SEEN, leaves=True)], 0) is None


def test_what_may_be_anothers_is_not_certain() -> None:
    later = replace(FREED, at=AT + 9_000_000)
    found = kernel_drop([RECEIVED, later], [SEEN], 0)
    assert found == replace(DROP, is_certain=False)
    two: list[BufferEvent] = [
        replace(RECEIVED, buffer="b"),
        RECEIVED,
        replace(FREED, buffer="b"),
        FREED,
    ]
    assert kernel_drop(two, [SEEN], 0) == replace(DROP, is_certain=False)


def test_other_traffic_is_not_told_of() -> None:
    found = filters(("br100", "eth0"), (range(44, 45), range(40, 41), range(60, 121)))
    assert found["net/netif_receive_skb"] == (
        '(name == "br100" || name == "eth0") '
        "&& (len == 40 || len == 44 || (len >= 60 && len < 121))"
    )
    segment = replace(PACKET, protocol="tcp", payload=b"")
    assert lengths(segment) == {range(each, each + 1) for each in (40, 44, 46)}


def test_beside_heavy_traffic_it_is_the_nearest_and_none_that_was_delivered() -> None:
    other = replace(RECEIVED, at=AT + 300_000, buffer="b")
    lost = replace(FREED, at=AT + 301_000, buffer="b")
    assert kernel_drop([RECEIVED, other, lost], [SEEN], 0) is None, "ours went on"
    found = kernel_drop([RECEIVED, FREED, other], [SEEN], 0)
    assert found == replace(DROP, is_certain=False)


def test_a_short_packet_is_padded_on_its_wire() -> None:
    padded, short = replace(RECEIVED, length=46), replace(SEEN, length=40)
    assert kernel_drop([padded, FREED], [short], 0) == DROP


def test_what_was_lost_counts_where_ours_may_have_been_among_it() -> None:
    assert is_missed([EventsLost(AT + 9_000)], [SEEN], 0)
    assert not is_missed([EventsLost(AT - 9_000), RECEIVED], [SEEN], 0)

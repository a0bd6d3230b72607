"""DHCP and DNS messages, written and read by scapy as well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.diagnostics.probes import dhcp_message, dns_message

UNKNOWN = "0.0.0.0"  # noqa: S104  a client without an address
PROBE, CLIENT, SERVER = "02:6e:63:00:00:01", "fa:16:3e:00:00:02", "fa:16:3e:00:00:01"


def answer(kind: str, **options: str) -> bytes:
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    given = [("message-type", kind), *options.items(), "end"]
    return bytes(
        Ether(src=SERVER, dst="ff:ff:ff:ff:ff:ff")
        / IP(src="10.0.0.1", dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2, xid=77, yiaddr="10.0.0.2", chaddr=bytes.fromhex(CLIENT.replace(":", "")))
        / DHCP(options=given)
    )


def test_a_discover_is_what_it_should_be() -> None:
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    frame = dhcp_message.discover(PROBE, CLIENT, 0xDEADBEEF)
    told = Ether(frame)
    assert (told.src, told.dst) == (PROBE, "ff:ff:ff:ff:ff:ff")
    assert (told[IP].src, told[IP].dst) == (UNKNOWN, "255.255.255.255")
    checksum = told[IP].chksum
    del told[IP].chksum
    assert Ether(bytes(told))[IP].chksum == checksum
    assert (told[UDP].sport, told[UDP].dport, told[UDP].len) == (68, 67, len(frame) - 34)
    assert (told[BOOTP].xid, int(told[BOOTP].flags)) == (0xDEADBEEF, 0x8000)
    assert told[BOOTP].chaddr[:6].hex(":") == CLIENT
    assert ("message-type", 1) in told[DHCP].options


@pytest.mark.parametrize(("kind", "name"), [("offer", "OFFER"), ("ack", "ACK"), ("nak", "NAK")])
def test_answers_are_read(kind: str, name: str) -> None:
    told = dhcp_message.read(answer(kind, server_id="10.0.0.9", error_message="lease not found"))
    assert told == dhcp_message.Message(
        name, 77, CLIENT, "10.0.0.2", "10.0.0.9", SERVER, "lease not found"
    )


def test_a_server_that_does_not_name_itself_is_known_by_its_address() -> None:
    told = dhcp_message.read(answer("offer"))
    assert told is not None
    assert told.server == "10.0.0.1"


def test_a_question_is_no_answer() -> None:
    assert dhcp_message.read(dhcp_message.discover(PROBE, CLIENT, 1)) is None


@given(st.integers(0, 400), st.integers(0, 255))
def test_no_frame_of_a_guest_breaks_the_reading(at: int, value: int) -> None:
    whole = answer("offer", server_id="10.0.0.9")
    dhcp_message.read(whole[:at])
    spoilt = bytearray(whole)
    spoilt[at % len(whole)] = value
    dhcp_message.read(bytes(spoilt))


@given(st.binary(max_size=400))
def test_nor_does_any_other(frame: bytes) -> None:
    dhcp_message.read(frame)
    dns_message.code(frame, 1)


def test_a_question_for_a_name_and_the_code_of_its_answer() -> None:
    from scapy.layers.dns import DNS

    asked = DNS(dns_message.question("nc-1.example.com", 7))
    assert (asked.id, asked.rd, asked.qd[0].qname, asked.qd[0].qtype) == (
        7,
        1,
        b"nc-1.example.com.",
        1,
    )
    told = bytes(DNS(id=7, qr=1, rcode=3, qd=asked.qd))
    assert dns_message.code(told, 7) == "NXDOMAIN"
    assert dns_message.code(told, 8) is None
    assert dns_message.code(bytes(asked), 7) is None

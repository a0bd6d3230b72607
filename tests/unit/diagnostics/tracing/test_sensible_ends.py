"""From and to which addresses nothing can be sent is said in a line, before anything is."""

from dataclasses import replace

import pytest
from routing_samples import LINKS, ROUTING, STATUS

from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.tracing.ends import TraceRequest, ends

NOBODY = "0.0.0.0"  # noqa: S104  no socket is bound to it


@pytest.mark.parametrize(
    ("sender", "destination", "protocol", "said"),
    [
        ("10.0.0.99", "web1", "icmp", "is of the network vmnet, where no instance has it"),
        ("127.0.0.2", "web1", "icmp", "is a loopback address, which no packet on a wire has"),
        ("224.0.0.1", "web1", "icmp", "is no address of one host, so nobody sends from it"),
        (NOBODY, "web1", "icmp", "is no address of one host, so nobody sends from it"),
        ("10.0.0.255", "web1", "icmp", "is no address of one host, so nobody sends from it"),
        ("fd00::2", "web1", "icmp", "is an address of IPv6, and what is traced is IPv4"),
        ("web1", "fd00::2", "icmp", "is an address of IPv6, and what is traced is IPv4"),
        ("web1", "10.0.0.0", "icmp", "is no address of one host"),
        ("web1", "203.0.113.255", "icmp", "is no address of one host"),
        ("web1", NOBODY, "icmp", "is no address of one host"),
        ("web1", "127.0.0.1", "tcp", "is a loopback address: what is sent there never leaves"),
        ("outside", "127.0.0.1", "icmp", "is a loopback address: what is sent there never leaves"),
        ("web1", "web1", "arp", "is the sender's own: by ARP it asks for those of others"),
        ("web1", "10.0.0.2", "arp", "is the sender's own: by ARP it asks for those of others"),
        ("web1", "deleted", "icmp", "no instance has that name: `netconsole instance list`"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    sender: str, destination: str, protocol: Protocol, said: str
) -> None:
    with pytest.raises(InvalidValue, match=said):
        ends(TraceRequest(sender, destination, protocol, 80), STATUS, LINKS, ROUTING)


def test_what_this_host_sends_to_itself_is_sent() -> None:
    assert ends(TraceRequest("host", "127.0.0.1"), STATUS, LINKS, ROUTING).destination


def test_an_address_of_ipv6_is_no_sender_be_it_this_hosts_own() -> None:
    own = replace(ROUTING.addresses[0], address="::1", prefix_length=128)
    routing = replace(ROUTING, addresses=(*ROUTING.addresses, own))
    with pytest.raises(InvalidValue, match="sender '::1': is an address of IPv6"):
        ends(TraceRequest("::1", "web1"), STATUS, LINKS, routing)

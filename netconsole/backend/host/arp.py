"""Gratuitous ARP: tell the neighbours which interface has an address."""

import socket
import struct
from threading import Thread

from netconsole.backend.system import packet_sockets

ETHERNET_ARP = 0x0806
ETHERNET_ADDRESS_LENGTH = 6
BROADCAST = b"\xff" * ETHERNET_ADDRESS_LENGTH


def announce(interface: str, address: str, count: int) -> None:
    """Broadcast ARP requests for our own address (RFC 5227 section 3).

    Written out here because arping(8) waits a second for answers that nobody expects. Interfaces
    without Ethernet addresses have no neighbours to tell.

    Before the kernel lets go of such a socket it waits for all processors, ten milliseconds that
    no change has to wait for.
    """
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    try:
        _, mac = packet_sockets.bind(packet, interface, 0)
        if len(mac) != ETHERNET_ADDRESS_LENGTH:
            return
        own = socket.inet_aton(address)
        header = BROADCAST + mac + struct.pack("!H", ETHERNET_ARP)
        request = struct.pack("!HHBBH", 1, 0x0800, len(mac), len(own), 1)
        for _ in range(count):
            packet.send(header + request + mac + own + bytes(6) + own)
    finally:
        Thread(target=packet.close).start()

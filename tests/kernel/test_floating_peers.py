"""Peers that keep sending to a floating address, wherever it goes meanwhile."""

import subprocess

from cloud import FLOATING, boot, create_cloud, netconsole
from private_host import PrivateHost, eventually
from talk import Connection, serve

TELL_NAME = """
import socket, sys
served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
served.bind(("", 53))
print("ready", flush=True)
while True:
    _, peer = served.recvfrom(100)
    served.sendto(sys.argv[1].encode(), peer)
"""

ASK = """
import socket, sys
from contextlib import suppress
known, peer = b"", socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.connect((sys.argv[1], 53))
peer.settimeout(0.02)
while True:
    with suppress(OSError):  # nobody answers, or there is no way
        peer.send(b"who?")
        if (told := peer.recv(100)) != known:
            known = told
            print(known.decode(), flush=True)
"""
"""Asks without an end, by one socket, and tells who answers when that is another."""


def test_whoever_keeps_sending_reaches_who_has_the_address_by_then(host: PrivateHost) -> None:
    create_cloud(host)
    boot(host, "web2")
    for guest in ("web1", "web2"):
        named = host.spawn("ip", "netns", "exec", guest, "python3", "-c", TELL_NAME, guest)
        assert read(named) == "ready"
    serve(host, "web1", 22)
    asking = host.spawn("ip", "netns", "exec", "outside", "python3", "-c", ASK, FLOATING)
    assert read(asking) == "web1"
    connection = Connection(host, "outside", FLOATING, 22)
    assert connection.answers()

    netconsole(host, "floating", "associate", FLOATING, "web2", "--move")
    assert read(asking) == "web2"
    assert not connection.answers()

    netconsole(host, "floating", "disassociate", FLOATING)
    sent_on = ("conntrack", "-L", "-p", "udp", "--orig-dst", FLOATING)
    eventually(lambda: "UNREPLIED" in host.run(*sent_on).stdout)
    netconsole(host, "floating", "associate", FLOATING, "web1")
    assert read(asking) == "web1"


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()

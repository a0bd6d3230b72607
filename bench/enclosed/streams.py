"""Two guests of which one sends to the other as fast as it can: `streams.py send tcp ADDRESS`."""

import json
import socket
import sys
import time
from contextlib import suppress

PORT = 5001
SENDING = 0.5
"""Seconds that a guest sends."""
DATAGRAM = bytes(64)
STREAMED = bytes(1 << 20)


def receive(kind: str, address: str) -> None:
    """A guest that takes what comes, and says how many bytes that were and how long it computed."""
    family = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, family) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((address, PORT))
        own.settimeout(5.0)
        if kind == "tcp":
            own.listen()
        print("ready", flush=True)
        if kind == "tcp":
            connection = own.accept()[0]
        else:
            connection = own
            own.recv(1 << 16)  # the time begins with the first
        got = 0
        buffer = bytearray(1 << 20)
        connection.settimeout(10.0 if kind == "tcp" else 1.0)
        with suppress(*(() if kind == "tcp" else (TimeoutError,))):  # datagrams have no other end
            while size := connection.recv_into(buffer):
                got += size
        print(json.dumps((got, time.process_time())))


def send(kind: str, address: str) -> None:
    """A guest that sends for some time as fast as it can, and says how long it computed."""
    family = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, family) as own:
        own.connect((address, PORT))
        piece = STREAMED if kind == "tcp" else DATAGRAM
        until = time.perf_counter() + SENDING
        while time.perf_counter() < until:
            for _ in range(1 if kind == "tcp" else 100):
                own.send(piece)
        print(json.dumps(time.process_time()))


if __name__ == "__main__":
    _, verb, kind, address = sys.argv
    {"receive": receive, "send": send}[verb](kind, address)

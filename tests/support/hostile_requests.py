"""Runs on a private host as some user: hostile requests to the agent, and what is answered.

`python3 -c PROGRAM COUNT SEED` prints one JSON object: how many of which status were answered, and
what was answered that should never be.
"""

import json
import random
import select
import socket
import sys
from collections import Counter

SOCKET = "/run/netconsole/agent.sock"
PATHS = (
    *("/v1/status", "/v1/networks", "/v1/network?name=x", "/v1/fixed_ips?network=vmnet"),
    *("/v1/do", "/v1/preview", "/v1/undo", "/v1/confirm", "/v1/watch", "/v1/agent", "/", "*"),
    *("/v1/trace", "/v1/wait"),
    *(
        "/v1/../v1/do",
        "/v1/network?name=%00",
        "/v1/network?name=%ff%fe",
        "/v1/network?%",
        "//v1/do",
    ),
    "/v1/admissions?source=a&instance=b&protocol=tcp&port=99999999999999999999",
    "/v1/network?name=" + "x" * 7000,
)
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "x", "GET\0")
HEADERS = (
    *(
        "Content-Length: 5",
        "Content-Length: 99999999999",
        "Content-Length: -1",
        "Content-Length: x",
    ),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Encoding: gzip"),
    *("Expect: 100-continue", "Upgrade: websocket", "Connection: upgrade", "Connection: close"),
    *("Content-Type: application/json", "Content-Type: text/html", "Netconsole-API: 99", "X: \x01"),
    *("Range: bytes=0-", "Host: a", "Host: b", " folded: x", "no colon", "Cookie: " + "c" * 9000),
)
BODIES = (
    *(b"", b"{}", b"[]", b"null", b"\xff" * 100, b"{" * 20_000, b"[" * 100_000, b'{"a":' * 9000),
    b'{"change": "DeleteNetwork", "arguments": {"network": "nowhere"}}',
    b'{"change": "DeleteNetwork", "arguments": {"network": "\\ud800"}}',
    b'{"change": "DeleteNetwork", "arguments": {"network": "\\u0000"}}',
    b'{"change": "CreateNetwork", "arguments": {"label": "x", "vlan": 1e400}}',
    b'{"change": "ApplyFix", "arguments": {"name": "x", "plan": {"steps": [{"step": "x"}]}}}',
    b'{"change": ["DeleteNetwork"], "arguments": 7, "confirm": 7, "agreed": 7}',
    b'{"token": "x", "keep": true}',
    b'{"sender": "nowhere", "destination": "192.0.2.1"}',
    b'{"sender": "nowhere\\u0000; reboot", "destination": "$(id)", "protocol": "dns", "name": "a"}',
    b'{"sender": ["host"], "destination": {"a": 1}, "protocol": "tcp", "port": 1e400}',
    b'{"change_id": "../../etc/passwd"}',
    b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n",
)


def garbage(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 3000))


def request(chance: random.Random) -> bytes:
    """A request that is nearly one."""
    body = chance.choice(BODIES)
    version = chance.choice(("HTTP/1.1",) * 6 + ("HTTP/1.0", "HTTP/2.0", "HTTP/9", ""))
    lines = [f"{chance.choice(METHODS[:2] * 5 + METHODS)} {chance.choice(PATHS)} {version}"]
    if is_wild := chance.random() < 0.4:
        lines += chance.sample(HEADERS, chance.randrange(1, 5))
    if not is_wild or chance.random() < 0.6:
        lines += ["Host: agent", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    text = "\r\n".join((*lines, "", "")).encode("latin-1")
    if chance.random() < 0.1:
        place = chance.randrange(len(text))
        text = text[:place] + chance.randbytes(chance.randrange(1, 9)) + text[place:]
    return text + body


def ask(chance: random.Random) -> bytes:
    """Send something; hang up before the answer, or return what is answered at once."""
    parts = [request(chance) for _ in range(chance.choice((1, 1, 1, 1, 2, 30)))]
    data = garbage(chance) if chance.random() < 0.15 else b"".join(parts)
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(20)
        try:
            asking.connect(SOCKET)
            if chance.random() < 0.2:
                data = data[: chance.randrange(len(data))]
            asking.sendall(data)
            if chance.random() < 0.3:
                return b""
            heard = b""
            while select.select([asking], [], [], 0.2)[0]:
                some = asking.recv(1 << 16)
                if not some:
                    break
                heard += some
            return heard
        except OSError:
            return b""


def main() -> None:
    chance = random.Random(int(sys.argv[2]))  # noqa: S311  the same each time
    statuses: Counter[str] = Counter()
    never: list[str] = []
    for _ in range(int(sys.argv[1])):
        heard = ask(chance)
        if not heard:
            statuses["none"] += 1
            continue
        status = heard.split(b" ", 2)[1:2]
        statuses[repr(status)] += 1
        head, _, rest = heard.partition(b"\r\n\r\n")
        bad = b" 500 " in head.splitlines()[0] or b"Traceback" in heard or b"<html" in heard
        has_body = rest and not rest.startswith(b"HTTP/")  # that of HEAD has none
        refused = bool(status) and status[0].startswith(b"4")
        if bad or (refused and has_body and not rest.startswith(b'{"error": {"kind": ')):
            never.append(repr(heard[:300]))
    print(json.dumps({"statuses": statuses, "never": never[:5]}))


if __name__ == "__main__":
    main()

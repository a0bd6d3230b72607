"""Guests that ask too much, too slowly, or nonsense: they hold up nobody else."""

from collections.abc import Iterator

import pytest
from cloud import boot, create_network
from guest_asking import ask, serve, stop
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

INSIDE = ("ip", "netns", "exec", "web1")

CROWD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
crowd = []
for number in range(200):
    one = socket.socket()
    one.settimeout(0.1)
    crowd.append(one)
    try:
        one.connect(("169.254.169.254", 80))
        one.sendall(b"" if number % 2 else b"GET /openstack HTTP/1.1\\r\\nHost: x\\r\\n")
    except OSError:
        pass
print("here", flush=True)
sys.stdin.readline()
"""

TALK = """
import socket, sys, time
one = socket.create_connection(("169.254.169.254", 80), timeout=60)
answer = b""
try:
    for piece in PIECES:
        one.sendall(piece)
except OSError:
    pass
try:
    while data := one.recv(65536):
        answer += data
        if b"\\r\\n\\r\\n" in answer and not CLOSES:
            break
except OSError:
    pass
print(answer.partition(b"\\r\\n")[0].decode("latin-1"))
"""

FLOOD = """
import socket, time
one = socket.create_connection(("169.254.169.254", 80), timeout=10)
one.sendall(b"GET /openstack HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 1000)
began, answers = time.monotonic(), b""
while answers.count(b"HTTP/1.1 ") < 200 and time.monotonic() < began + 4:
    answers += one.recv(65536)
print(answers.count(b" 429 "), time.monotonic() - began)
"""


HALF_CLOSED = """
import socket
for text in TEXTS:
    one = socket.create_connection(("169.254.169.254", 80), timeout=60)
    one.sendall(text)
    one.shutdown(socket.SHUT_WR)
    answer = b""
    while data := one.recv(65536):
        answer += data
    print(answer.count(b" 200 OK"), answer.count(b" 404 Not Found"))
"""

FLOODS = {
    "it connects": "connect()",
    "it connects and leaves": "connect().close()",
    "it connects and resets": "reset(connect())",
    "half a request": "connect().sendall(b'GET /openstack HTTP/1.1' + END + b'Host: x')",
    "a body that does not come": "connect().sendall(POST + b'Content-Length: 900' + END + END)",
    "a body that comes byte by byte": "trickle(connect())",
    "it does not take what it asked for": "connect(4096).sendall(REQUEST * 50)",
    "many requests at once": "connect().sendall(REQUEST * 1000)",
}
"""What a guest does again and again, as Python."""

FLOODING = """
import itertools, resource, socket, struct, sys, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
END = b"\\r\\n"
POST = b"POST /openstack/latest/password HTTP/1.1" + END + b"Host: x" + END
REQUEST = b"GET /openstack/latest/user_data HTTP/1.1" + END + b"Host: x" + END + END
kept = []
def connect(room=0):
    one = socket.socket()
    one.settimeout(0.05)
    if room:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    one.connect(("169.254.169.254", 80))
    kept.append(one)
    if len(kept) > 500:
        kept.pop(0).close()
    return one
def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()
def trickle(one):
    one.sendall(POST + b"Transfer-Encoding: chunked" + END + END)
    for other in kept[-20:]:
        try:
            other.sendall(b"1" + END + b"x" + END)
        except OSError:
            pass
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ended.set())).start()
for number in itertools.count():
    try:
        FLOOD
    except OSError:
        pass
    if number == 100:
        print("here", flush=True)
    if ended.is_set():
        break
print(number)
"""


def talk(host: PrivateHost, guest: str, pieces: str, *, closes: bool = True) -> str:
    """Send what is written as Python, and return the first line of what is answered."""
    script = TALK.replace("PIECES", pieces).replace("CLOSES", str(closes))
    return host.run("ip", "netns", "exec", guest, "python3", "-c", script).stdout.strip()


def memory(host: PrivateHost) -> int:
    """How many bytes the service has."""
    show = "cat /proc/$(pgrep -f 'netconsole metadata serve' | head -1)/status"
    return int(host.run("sh", "-c", show).stdout.partition("VmRSS:")[2].split()[0]) << 10


def descriptors(host: PrivateHost) -> int:
    """How many files and sockets the service has open."""
    count = "ls /proc/$(pgrep -f 'netconsole metadata serve' | head -1)/fd | wc -l"
    return int(host.run("sh", "-c", count).stdout)


def test_hundreds_of_silent_connections_hold_up_their_guest_alone(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    boot(host, "web2")
    service = serve(host)
    assert ask(host, "web2", "/openstack").status == 200
    before = descriptors(host)
    crowd = host.spawn("ip", "netns", "exec", "web1", "python3", "-c", CROWD)
    assert crowd.stdout is not None
    assert crowd.stdout.readline() == "here\n"
    assert ask(host, "web2", "/openstack", "-m", "5").status == 200
    assert descriptors(host) <= before + 20
    eventually(lambda: ask(host, "web1", "/openstack").status == 200, seconds=60)
    crowd.communicate("\n")
    eventually(lambda: descriptors(host) <= before + 1)
    assert "unforeseen" not in stop(host, service)


@pytest.fixture(scope="module")
def flooded() -> Iterator[PrivateHost]:
    """A host with two guests for all floods, each of which meets a service of its own."""
    with PrivateHost() as host:
        create_network(host)
        host.write("/run/user-data", "x" * 49_000)
        boot(host, "web1", more=("--user-data", "/run/user-data"))
        boot(host, "web2")
        yield host


@pytest.mark.requires("nsenter")
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_holds_up_nobody_else(flooded: PrivateHost, flood: str) -> None:
    host = flooded
    service = serve(host)
    assert ask(host, "web1", "/openstack").status == 200
    before = descriptors(host), memory(host)
    script = FLOODING.replace("FLOOD", flood)
    flooding = host.spawn("ip", "netns", "exec", "web1", "python3", "-c", script)
    assert flooding.stdin is not None
    assert flooding.stdout is not None
    assert flooding.stdout.readline() == "here\n"
    found = [ask(host, "web2", "/openstack", "-m", "10").status for _ in range(30)]
    assert found == [200] * 30
    assert descriptors(host) <= before[0] + 20
    assert memory(host) <= before[1] + (48 << 20)
    said, _ = flooding.communicate("\n", timeout=60)
    assert int(said) > 100
    eventually(lambda: descriptors(host) <= before[0] + 1, seconds=60)
    assert "unforeseen" not in stop(host, service)


def test_who_closes_its_way_after_asking_is_answered(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    assert ask(host, "web1", "/openstack").status == 200
    before = descriptors(host)
    get = rb"GET /openstack HTTP/1.1\r\nHost: x\r\n\r\n"
    nothing = get.replace(b"/openstack", b"/nothing")
    cut_off = rb"POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
    texts = [get, get.replace(b"1.1", b"1.0"), get * 2 + nothing, b"", get[:20], cut_off]
    written = f"[{', '.join(repr(each.decode('unicode-escape').encode()) for each in texts)}]"
    done = host.run(*INSIDE, "python3", "-c", HALF_CLOSED.replace("TEXTS", written))
    assert done.stdout.splitlines() == ["1 0", "1 0", "2 1", "0 0", "0 0", "0 0"]
    assert descriptors(host) <= before + 1
    asked = r"printf 'GET /openstack HTTP/1.0\r\n\r\n' | busybox nc 169.254.169.254 80"
    assert "2012-08-10" in host.run(*INSIDE, "sh", "-c", asked).stdout
    assert "unforeseen" not in stop(host, service)


def test_a_body_that_does_not_come_is_not_waited_for(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    post = r"b'POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx'"
    assert talk(host, "web1", f"[{post}]") == "HTTP/1.1 408 Request Timeout"
    assert "unforeseen" not in stop(host, service)


def test_nonsense_is_a_bad_request_and_nothing_more(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    bad = "400 Bad Request"
    post = r"b'POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\n"
    chunked = post + r"Transfer-Encoding: chunked\r\n\r\n"
    for pieces in (
        r"[b'\x00' * 1000]",
        r"[b'GET\r\n\r\n']",
        r"[b'GET / HTTP/9.9\r\n\r\n']",
        r"[b'GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n']",
        r"[b'GET / HTTP/1.1\r\nX: ' + b'x' * 100000 + b'\r\n\r\n']",
        r"[b'GET /' + b'x' * 100000 + b' HTTP/1.1\r\n\r\n']",
        r"[b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 1000 + b'\r\n']",
        r"[b'GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n']",
        rf"[{post}Content-Length: 9999999999\r\n\r\n']",
        rf"[{chunked}zz\r\n']",
        rf"[{chunked}'] + [b'400\r\n' + b'x' * 1024 + b'\r\n'] * 2",
    ):
        assert talk(host, "web1", pieces, closes=False)[9:] == bad, pieces[:60]
    endless = rf"[{chunked}'] + [b'400\r\n' + b'x' * 1024 + b'\r\n'] * 100000"
    assert talk(host, "web1", endless)[9:] in (bad, ""), "hung up on"
    odd = talk(host, "web1", r"[b'GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n']", closes=False)
    assert odd[9:] in (bad, "404 Not Found")
    slow = r"(time.sleep(0.7) or bytes([each]) for each in b'GET / HTTP/1.1' * 9)"
    assert talk(host, "web1", slow) == "", "hung up on"
    assert ask(host, "web1", "/openstack").status == 200
    assert "unforeseen" not in stop(host, service)


def test_a_guest_that_asks_too_often_waits_and_no_other_does(host: PrivateHost) -> None:
    create_network(host, "metadata_rate = 2")
    boot(host, "web1")
    boot(host, "web2")
    service = serve(host)
    found = [ask(host, "web1", "/openstack") for _ in range(12)]
    refused = [each for each in found if each.status == 429]
    assert refused
    assert "Retry-After: 1" in refused[0].headers
    assert {each.status for each in found} == {200, 429}
    assert ask(host, "web2", "/openstack").status == 200
    eventually(lambda: ask(host, "web1", "/openstack").status == 200)
    stop(host, service)


def test_who_does_not_heed_it_is_answered_no_sooner(host: PrivateHost) -> None:
    create_network(host, "metadata_rate = 2")
    boot(host, "web1")
    service = serve(host)
    plug_in_a_stranger(host, "stranger")
    for sender in ("web1", "stranger"):
        refused, seconds = flood(host, sender)
        assert 1 <= refused <= 1 + seconds, sender
    stop(host, service)


def plug_in_a_stranger(host: PrivateHost, name: str) -> None:
    """Plug in who is no instance, at a free address of the network."""
    inside = ("ip", "-n", name)
    host.run("ip", "netns", "add", name)
    host.run("ip", "link", "add", "odd0", "type", "veth", "peer", "eth0", "netns", name)
    host.run("ip", "link", "set", "odd0", "master", "br100", "up")
    host.run(*inside, "link", "set", "eth0", "up")
    host.run(*inside, "address", "add", "10.0.0.99/24", "dev", "eth0")
    host.run(*inside, "route", "add", "default", "via", "10.0.0.1")


def flood(host: PrivateHost, guest: str) -> tuple[int, float]:
    """Ask a thousand times at once; return how often that was too often, and in how long."""
    told = host.run("ip", "netns", "exec", guest, "python3", "-c", FLOOD).stdout.split()
    return int(told[0]), float(told[1])

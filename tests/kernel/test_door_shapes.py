"""Requests of shapes that no client of ours sends: one answer at most, and nothing else."""

import json
import threading

import pytest
from agent import (
    SOCKET,
    add_users,
    agent_kilobytes,
    curl,
    open_at_rest,
    open_files,
    start_agent,
)
from cloud import answer, create_network, held
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("root")

TALK = f"""
import json, re, socket, sys

def talk(data, seconds=30):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect({SOCKET!r})
        asking.settimeout(seconds)
        heard = b""
        try:
            asking.sendall(data)
            while some := asking.recv(1 << 16):
                heard += some
        except OSError as error:
            heard += type(error).__name__.encode()
        return heard
"""

SMUGGLED = (
    TALK
    + r"""
BODY = b'{"change": "CreateDnsDomain", "arguments": {"domain": "example.org"}}'
INNER = b"POST /v1/do HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + (
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
HEAD = b"POST /v1/preview HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
SHAPES = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "two codings": b"Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"Content-Length: 0\nX: y\r\n\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk in other digits": b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a NUL in a header": b"X: \0\r\nContent-Length: 0\r\n\r\n",
    "an upgrade": b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
}
heard = {name: talk(HEAD + shape + INNER, 20) for name, shape in SHAPES.items()}
def told(each):
    answers = re.findall(rb"HTTP/1.[01] [0-9]{3} ", each)
    return [len(answers), each[9:12].decode(), b"change_id" in each]

print(json.dumps({name: told(each) for name, each in heard.items()}))
"""
)


@pytest.fixture
def door(host: PrivateHost) -> PrivateHost:
    create_network(host)
    add_users(host)
    start_agent(host)
    return host


def test_what_is_behind_a_request_of_two_meanings_is_not_done(door: PrivateHost) -> None:
    told = json.loads(door.run("python3", "-c", SMUGGLED, timeout=300).stdout)
    for name, (answers, status, is_done) in told.items():
        if name == "an upgrade":  # which is not taken up: two requests, each what it says
            continue
        assert (answers, status, is_done) == (1, "400", False), name
    assert curl(door, "/v1/networks")[0] == 200


ENDLESS = (
    TALK
    + r"""
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect("/run/netconsole/agent.sock")
    asking.settimeout(60)
    asking.sendall(b"POST /v1/do HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while True:
            asking.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            sent += 65536
    except OSError:
        pass
    try:
        heard = asking.recv(1 << 16)
    except OSError:
        heard = b""
print(sent, heard[9:12].decode(), flush=True)
"""
)


@pytest.mark.parametrize("user", ["changer", "looker"])
def test_who_sends_a_body_that_never_ends_is_hung_up_on(door: PrivateHost, user: str) -> None:
    kilobytes = agent_kilobytes(door)
    become = ("setpriv", "--reuid", user, "--regid", user, "--init-groups")
    _, _, status = door.run(*become, "python3", "-c", ENDLESS).stdout.partition(" ")
    assert status.strip() in ("400", "403", "")
    assert agent_kilobytes(door) < kilobytes + 60_000
    assert curl(door, "/v1/networks", user=user)[0] == 200


ARGUMENTS = r"""
import http.client, json, socket, sys
from urllib.parse import quote

class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/netconsole/agent.sock")

def ask(method, path, body=None):
    connection = Connection("agent", timeout=60)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()

document = json.loads(ask("GET", "/v1/openapi.json")[1])
wrong = []
BAD = ("%00", "%ED%A0%80", "%FF", "%E2%80%AE", "9" * 400, "-1", "%2e%2e%2f" * 9)
for path, methods in document["paths"].items():
    for each in methods.get("get", {}).get("parameters", ()):
        for bad in BAD:
            needed = [one["name"] for one in methods["get"]["parameters"] if one.get("required")]
            more = "&".join(f"{name}=x" for name in needed if name != each["name"])
            status, said = ask("GET", f"{path}?{each['name']}={bad}&{more}".rstrip("&"))
            if status not in (200, 400, 404, 409) or (status == 200 and said[:1] not in b"[{"):
                wrong.append([path, each["name"], bad, status])

BODIES = ('"\\u0000"', '"\\ud800"', '"\\udc00x"', "1e400", "9" * 60, "-0", "NaN", "null", "[]")
BODIES += ("{}", '"%s"' % ("x" * 100_000))
BODIES += ("[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000)
changes = document["paths"]["/v1/preview"]["post"]["requestBody"]["content"]["application/json"]
asked = 0
for one in changes["schema"]["oneOf"]:
    name = one["properties"]["change"]["const"]
    named = one["properties"]["arguments"]["$ref"].rpartition("/")[2]
    kind = document["components"]["schemas"][named]
    for field in kind["properties"]:
        for bad in BODIES:
            body = '{"change": "%s", "arguments": {"%s": %s}}' % (name, field, bad)
            asked += 1
            status, said = ask("POST", "/v1/preview", body)
            needs_more = set(kind["required"]) - {field}
            if status >= 500 and status != 503 or (status == 200 and needs_more):
                wrong.append([name, field, bad[:20], status, said.decode()[:200]])
print(json.dumps([asked, wrong]))
"""


def test_no_argument_is_a_bug(door: PrivateHost) -> None:
    before = held(door)
    asked, wrong = json.loads(door.run("python3", "-c", ARGUMENTS, timeout=380).stdout)
    assert asked > 500
    assert wrong == []
    assert held(door) == before


WATCHERS = f"""
import socket, sys
opened, refused = [], 0
for _ in range(1000):
    one = socket.socket(socket.AF_UNIX)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    one.connect({SOCKET!r})
    try:
        one.sendall(b"GET /v1/watch?differences=true&counters=1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    except ConnectionError:
        pass
    opened.append(one)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_thousand_watchers_that_read_nothing_hold_up_nobody(door: PrivateHost) -> None:
    files, kilobytes = open_at_rest(door), agent_kilobytes(door)
    attack = door.spawn("prlimit", "--nofile=4096:4096", "python3", "-c", WATCHERS)
    assert attack.stdout is not None
    assert attack.stdout.readline() == "open\n"
    for user in ("looker", "changer"):
        assert curl(door, "/v1/networks", user=user)[0] == 200
    rule = ("-t", "nat", "-{}", "OUTPUT", "-d", "192.0.2.1", "-j", "RETURN")
    flip = "; ".join(" ".join(("iptables", *(word.format(what) for word in rule))) for what in "AD")
    door.run("sh", "-c", f"for n in $(seq 20); do {flip}; done")
    assert curl(door, "/v1/networks", user="looker")[0] == 200
    assert agent_kilobytes(door) < kilobytes + 60_000
    attack.communicate("", timeout=60)
    eventually(lambda: len(open_files(door)) <= files + 2)


def test_of_two_admins_with_the_same_change_one_is_told_that_it_is_done(door: PrivateHost) -> None:
    body = {"change": "CreateDnsDomain", "arguments": {"domain": "example.org"}}
    told: list[int] = []

    def ask(user: str) -> None:
        told.append(curl(door, "/v1/do", body, user=user)[0])

    asking = [threading.Thread(target=ask, args=(user,)) for user in ("changer", "")]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert sorted(told) == [200, 409]
    assert [each["domain"] for each in answer(door, "dns", "domains")] == ["example.org"]

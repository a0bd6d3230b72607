"""The agent's socket: who may do what there, and what comes of it, by processes of real users."""

import base64
import json
from typing import Any

import pytest
from agent import SOCKET, USERS, add_users, curl, start_agent
from cloud import answer, create_network, held, netconsole
from guest_samples import PUBLIC_KEY
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("root")

CREATE = {"change": "CreateDnsDomain", "arguments": {"domain": "example.org"}}


@pytest.fixture
def door(host: PrivateHost) -> PrivateHost:
    create_network(host)
    add_users(host)
    start_agent(host)
    return host


def audit(host: PrivateHost) -> list[Any]:
    return [json.loads(line) for line in host.read("/var/lib/netconsole/audit.jsonl").splitlines()]


def as_user(user: str) -> tuple[str, ...]:
    return ("setpriv", "--reuid", user, "--regid", user, "--init-groups")


def test_who_may_do_what(door: PrivateHost) -> None:
    before = held(door)
    roles = {user: curl(door, "/v1/agent", user=user)[1].get("role") for user in ("", *USERS)}
    assert roles == {"": "root", "looker": "viewer", "changer": "admin", "stranger": None}

    for user in ("looker", "stranger"):
        for path in ("/v1/do", "/v1/preview", "/v1/undo", "/v1/preview_undo", "/v1/confirm"):
            status, told = curl(door, path, CREATE, user=user)
            assert status == 403, (user, path, told)
            assert "usermod --append --groups netconsole" in told["error"]["message"]
    assert curl(door, "/v1/networks", user="stranger")[0] == 403
    status, networks = curl(door, "/v1/networks", user="looker")
    assert (status, [each["label"] for each in networks]) == (200, ["vmnet"])
    assert answer(door, "dns", "domains") == []
    assert held(door) == before

    assert curl(door, "/v1/do", CREATE, user="changer")[0] == 200
    assert [each["domain"] for each in answer(door, "dns", "domains")] == ["example.org"]
    asked = [line["asked"] for line in audit(door) if line["login"] == "looker"]
    assert asked == ["dns create-domain example.org"]
    said = [(line["login"], line["uid"], line["outcome"].partition(":")[0]) for line in audit(door)]
    assert said[-3:] == [
        *(("looker", 4001, "failed"), ("stranger", 4003, "failed"), ("changer", 4002, "done"))
    ]


def test_what_names_files_or_programs_of_the_host_is_for_root_alone(door: PrivateHost) -> None:
    write = {"step": "RunProgram", "argv": ["touch", "/run/owned"]}
    fix = {"change": "ApplyFix", "arguments": {"name": "x", "plan": {"steps": [write]}}}
    inject = {"change": "InjectInstance", "arguments": {"instance": "web1", "root": "/"}}
    for body in (fix, inject):
        for path in ("/v1/do", "/v1/preview"):
            status, told = curl(door, path, body, user="changer")
            assert (status, told["error"]["kind"]) == (403, "ReadOnly"), told
    assert door.run("test", "-e", "/run/owned", check=False).returncode == 1
    assert audit(door)[-1]["login"] == "changer"


def test_a_viewer_is_told_that_they_only_look(door: PrivateHost) -> None:
    host = curl(door, "/v1/status", user="looker")[1]["host"]
    assert host["access"] == "read-only"
    assert "which only looks" in host["read_only_because"]
    assert curl(door, "/v1/status", user="changer")[1]["host"]["access"] == "read-write"


WRITE_IT = """
from netconsole.backend.changes.converge import ApplyFix
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.backend.steps import Plan, WriteFile

text = "connection = mysql://nova:hunter2@db/nova\\npassword = hunter2"
Service(load()).do(ApplyFix("playbook x", Plan((WriteFile("/run/kept", text),))))
"""


def test_who_looks_is_shown_no_secrets(door: PrivateHost) -> None:
    door.run("python3", "-c", WRITE_IT)
    assert json.dumps(curl(door, "/v1/history")[1]).count("hunter2") >= 2
    for path in ("/v1/history", "/v1/history?inner=true", "/v1/status", "/v1/findings"):
        status, told = curl(door, path, user="looker")
        assert (status, "hunter2" in json.dumps(told)) == (200, False)
        if path.startswith("/v1/history"):
            assert "(removed)" in json.dumps(told)


def test_what_guests_are_told_is_for_who_may_change(door: PrivateHost) -> None:
    netconsole(door, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    door.write("/run/user.sh", "password: hunter2\n")
    door.write("/run/id.pub", f"{PUBLIC_KEY}\n")
    user_data, key = ("instance", "set", "web1", "--user-data", "/run/user.sh"), "/run/id.pub"
    netconsole(door, *user_data, "--key", f"mykey={key}")
    netconsole(door, "keypair", "add", "mykey", key, "--project", "demo")
    of_web1 = "instance=web1"
    secret = (
        *(f"/v1/user_data?{of_web1}", f"/v1/guest_password?{of_web1}"),
        "/v1/public_key?project=demo&name=mykey",
    )
    for path in secret:
        status, told = curl(door, path, user="looker")
        assert (status, told["error"]["kind"]) == (403, "ReadOnly"), path
        assert curl(door, path, user="stranger")[0] == 403
        assert curl(door, path, user="changer")[0] == 200
    encoded = curl(door, f"/v1/user_data?{of_web1}", user="changer")[1]
    assert base64.b64decode(encoded) == b"password: hunter2\n"
    seen = ""
    for path in (
        *(f"/v1/guest_summary?{of_web1}", "/v1/key_pairs", "/v1/instances", "/v1/status"),
        *("/v1/history?inner=true", "/v1/findings", "/v1/status?inner=true"),
    ):
        status, told = curl(door, path, user="looker")
        assert status == 200, path
        seen += json.dumps(told)
    assert "hunter2" not in seen
    assert encoded not in seen
    assert PUBLIC_KEY.split()[1] not in seen
    door.run(*as_user("changer"), "netconsole", *user_data)
    shown = door.run(*as_user("changer"), "netconsole", "instance", "user-data", "web1").stdout
    assert shown == "password: hunter2\n"


def test_one_connection_too_many_is_told_so(door: PrivateHost) -> None:
    holding = f"""
import socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range(16)]
for each in held:
    each.connect("{SOCKET}")
print("held", flush=True)
sys.stdin.read()
"""
    holder = door.spawn(*as_user("looker"), "python3", "-c", holding)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    seen = door.run(*as_user("looker"), "netconsole", "status", check=False)
    assert "too many connections of one user: try again later" in seen.stderr
    assert curl(door, "/v1/networks", user="changer")[0] == 200
    holder.kill()


def test_a_change_is_made_to_its_end_when_who_asked_hangs_up(door: PrivateHost) -> None:
    create = {"label": "second", "fixed_range_v4": "10.7.0.0/24", "bridge": "br7"}
    body = json.dumps({"change": "CreateNetwork", "arguments": create})
    ask = f"""
import socket
asking = socket.socket(socket.AF_UNIX)
asking.connect("{SOCKET}")
body = {body!r}
asking.sendall(f"POST /v1/do HTTP/1.1\\r\\nHost: a\\r\\nContent-Type: application/json\\r\\n"
    f"Content-Length: {{len(body)}}\\r\\n\\r\\n{{body}}".encode())
"""
    door.run("python3", "-c", ask)

    def is_made() -> bool:
        labels = [row["label"] for row in answer(door, "network", "list")]
        done = door.run("netconsole", "plan", check=False).returncode == 0
        return labels == ["vmnet", "second"] and done

    eventually(is_made, seconds=60)
    assert audit(door)[-1]["outcome"] == "done"


def test_a_plan_that_changed_is_not_carried_out(door: PrivateHost) -> None:
    create = {"label": "second", "fixed_range_v4": "10.7.0.0/24", "bridge": "br7"}
    body = {"change": "CreateNetwork", "arguments": create}
    status, preview = curl(door, "/v1/preview", body)
    assert status == 200
    agreed = {"steps": preview["steps"][1:]}
    status, told = curl(door, "/v1/do", {**body, "agreed": agreed})
    assert (status, told["error"]["kind"]) == (409, "PlanChanged")
    assert told["error"]["difference"]["added"]
    assert [row["label"] for row in answer(door, "network", "list")] == ["vmnet"]


def test_the_watch_tells_of_each_difference(door: PrivateHost) -> None:
    door.run("useradd", "--groups", "netconsole", "watcher")
    watch = door.spawn(
        *as_user("watcher"),
        *("curl", "-sSN", "--unix-socket", SOCKET, "http://agent/v1/watch"),
    )
    assert watch.stdout is not None
    assert json.loads(watch.stdout.readline())["status"]["drift"] == []
    door.run("iptables", "-t", "nat", "-F", "nova-network-snat")
    lines = iter(watch.stdout.readline, "")
    assert any(json.loads(line)["status"]["drift"] for line in lines)
    watch.kill()


def test_another_agent_is_refused_in_a_line_and_a_dead_ones_socket_replaced(
    host: PrivateHost,
) -> None:
    create_network(host)
    first = start_agent(host)
    second = host.run("netconsole", "agent", check=False, timeout=60)
    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        f"netconsole: agent_socket {SOCKET}: another agent answers there"
    ]
    assert curl(host, "/v1/agent")[0] == 200
    host.run("pkill", "-KILL", "-f", "netconsole agent")
    first.wait(timeout=30)
    assert host.run("test", "-S", SOCKET, check=False).returncode == 0
    third = start_agent(host)
    host.run("pkill", "-TERM", "-f", "netconsole agent")
    assert third.wait(timeout=30) == 0
    assert host.run("test", "-e", SOCKET, check=False).returncode == 1


def test_what_is_no_socket_is_left_alone(host: PrivateHost) -> None:
    create_network(host)
    host.write(SOCKET, "mine")
    refused = host.run("netconsole", "agent", check=False, timeout=60)
    assert refused.returncode == 2
    assert "is there, and is no socket" in refused.stderr
    assert host.read(SOCKET) == "mine"


def test_who_may_change_has_a_packet_traced_and_nobody_else(door: PrivateHost) -> None:
    asked = {"sender": "host", "destination": "203.0.113.1"}
    before = held(door)
    for user in ("looker", "stranger"):
        status, told = curl(door, "/v1/trace", asked, user=user)
        assert (status, told["error"]["kind"]) == (
            403,
            "ReadOnly" if user == "looker" else "Refused",
        )
        assert "usermod --append --groups netconsole" in told["error"]["message"]
        assert (audit(door)[-1]["login"], audit(door)[-1]["asked"]) == (user, "trace")

    for wrong in ({"protocol": "tcp"}, {"protocol": "sctp"}, {"more": 1}, {"sender": "x" * 2000}):
        status, told = curl(door, "/v1/trace", {**asked, **wrong}, user="changer")
        assert (status, told["error"]["kind"]) == (400, "InvalidValue"), wrong
        assert told["error"]["message"].count("\n") == 0

    command = ("netconsole", "trace", "--json", "--from", "host", "--to", "203.0.113.1")
    refused = door.run(*as_user("looker"), *command, check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith(
        "netconsole: trace: refused, looker is in the group netconsole"
    )
    traced = door.run(*as_user("changer"), *command, check=False)
    assert json.loads(traced.stdout)["end"] == "answered", traced
    assert held(door) == before


def test_no_more_are_sent_or_captured_at_once_than_a_few(door: PrivateHost) -> None:
    endless = {"interfaces": ["lo"], "seconds": None, "limit": None}
    asked = json.dumps({"request": endless, "packets": False})
    url = "http://agent/v1/capture"
    begun = [
        door.spawn("curl", "-sSN", "--unix-socket", SOCKET, "--json", asked, url) for _ in range(4)
    ]
    for each in begun:
        assert each.stdout is not None
        assert each.stdout.readline().startswith('{"job": ')
    status, told = curl(door, "/v1/trace", {"sender": "host", "destination": "203.0.113.1"})
    assert (status, told["error"]["kind"]) == (403, "Refused")
    assert "4 captures, examinations and traces are under way" in told["error"]["message"]
    door.run("pkill", "curl")
    trace = ("netconsole", "trace", "--from", "host", "--to", "203.0.113.1")
    eventually(lambda: door.run(*trace, check=False).returncode == 0, seconds=60)

"""The agent records how its host stands; a file of it says so anywhere."""

import json
from pathlib import Path

from agent import curl, start_agent
from cloud import FLOATING, configure, create_cloud, netconsole
from private_host import PrivateHost, eventually

RECORD = "/var/lib/netconsole/record"


def frames(host: PrivateHost) -> int:
    command = f"cat {RECORD}/*.jsonl.gz | gzip --decompress --stdout 2>/dev/null | grep -a -c taken"
    return int(host.run("sh", "-c", command, check=False).stdout or 0)


def recorded_state(host: PrivateHost) -> str:
    """That of the bridge, at the end of the record."""
    host.run("rm", "-f", "/run/so-far")
    netconsole(host, "record", "export", "/run/so-far")
    told = json.loads(netconsole(host, "replay", "/run/so-far", "--json"))
    return str(told["networks"][0]["bridge_state"])


def test_how_a_host_stood_is_read_anywhere(host: PrivateHost, tmp_path: Path) -> None:
    create_cloud(host)
    agent = start_agent(host)
    eventually(lambda: frames(host) > 0)
    host.run("ip", "link", "set", "br100", "down")
    eventually(lambda: recorded_state(host) == "down")
    host.run("ip", "link", "set", "br100", "up")
    eventually(lambda: curl(host, "/v1/status")[1]["networks"][0]["bridge_state"] != "down")
    eventually(lambda: recorded_state(host) != "down")
    host.run("pkill", "-KILL", "-f", "netconsole agent")  # its file has no end
    agent.wait(timeout=30)

    netconsole(host, "record", "export", "/run/record")

    told = json.loads(netconsole(host, "replay", "/run/record", "--list", "--json"))
    assert told["host"] == "testhost"
    assert any("floating associate" in row["text"] for row in told["rows"])
    states = []
    for row in told["rows"]:
        if row["what"] == "seen":
            told = json.loads(
                netconsole(host, "replay", "/run/record", "--at", row["at"], "--json")
            )
            states.append(told["networks"][0]["bridge_state"])
    assert states[0] == states[-1] != "down"
    assert "down" in states
    last = netconsole(host, "replay", "/run/record")
    assert FLOATING in last
    assert host.run("stat", "-c", "%a", RECORD).stdout == "700\n"


def test_what_is_no_record_is_refused(host: PrivateHost) -> None:
    configure(host)
    host.write("/run/text", "no record\n")
    host.run("sh", "-c", "head -c 100000 /dev/urandom | gzip > /run/noise")
    for name in ("/run/text", "/run/noise", "/run/none", "/dev/null"):
        done = host.run("netconsole", "replay", name, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
        assert "record" in done.stderr
    done = host.run("netconsole", "record", "export", "/run/new", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nothing is recorded" in done.stderr
    assert host.run("ls", "/run/new", check=False).returncode != 0
    done = host.run("netconsole", "replay", "/run/text", "--at", "yesterday", check=False)
    assert "'yesterday' is no moment" in done.stderr


def test_the_record_is_bounded(host: PrivateHost) -> None:
    create_cloud(host)
    more = host.read("/etc/netconsole/netconsole.conf") + "record_size = 64K\n"
    host.write("/etc/netconsole/netconsole.conf", more)
    host.run("mkdir", "-p", RECORD)
    host.run(
        "sh",
        "-c",
        f"for n in 1 2 3 4; do head -c 30000 /dev/urandom | gzip > {RECORD}/2020$n.jsonl.gz; done",
    )
    start_agent(host)
    eventually(lambda: frames(host) > 0)
    sizes = [int(size) for size in host.run("sh", "-c", f"stat -c %s {RECORD}/*").stdout.split()]
    assert sum(sizes) <= 65536
    assert host.run("ls", f"{RECORD}/20201.jsonl.gz", check=False).returncode != 0


def test_a_full_disk_is_said_once_and_leaves_what_was_whole(host: PrivateHost) -> None:
    create_cloud(host)
    host.run("mkdir", RECORD)
    host.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", RECORD)
    host.run("sh", "-c", f"head -c 50000 /dev/zero > {RECORD}/of-another")
    agent = host.spawn("sh", "-c", "exec netconsole agent 2> /run/said")
    eventually(lambda: frames(host) > 0)
    host.run("sh", "-c", f"head -c 90000 /dev/zero >> {RECORD}/of-another", check=False)

    def change() -> bool:
        for state in ("down", "up"):
            host.run("ip", "link", "set", "br100", state)
        return "nothing is recorded" in host.read("/run/said")

    eventually(change, every=0.5)
    seen = frames(host)

    assert agent.poll() is None
    assert curl(host, "/v1/agent")[0] == 200
    assert host.read("/run/said").count("No space left on device") == 1
    netconsole(host, "record", "export", "/run/record")
    rows = json.loads(netconsole(host, "replay", "/run/record", "--list", "--json"))["rows"]
    assert sum(row["what"] == "seen" for row in rows) == seen > 0


def test_a_record_removed_under_it_goes_on(host: PrivateHost) -> None:
    create_cloud(host)
    start_agent(host)
    eventually(lambda: frames(host) > 0)
    host.run("rm", "-r", RECORD)
    host.run("ip", "link", "set", "br100", "down")
    eventually(lambda: frames(host) > 0)


def test_who_may_not_read_the_record_is_told_who_may(host: PrivateHost) -> None:
    create_cloud(host)
    start_agent(host)
    eventually(lambda: frames(host) > 0)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    for words in (("record", "export", "/run/new"), ("log",)):
        done = host.run(*nobody, "netconsole", *words, check=False)
        assert done.returncode == 3
        assert done.stderr.rstrip().endswith("Permission denied, run as root")

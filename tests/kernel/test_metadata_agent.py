"""The agent serves metadata, and tells what was asked."""

import json

import pytest
from agent import add_users, curl, start_agent
from cloud import answer, boot, create_network, netconsole
from guest_asking import ask
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")


def test_the_agent_answers_and_tells_what_was_asked(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    boot(host, "quiet")
    add_users(host)
    alone = host.run("netconsole", "metadata", "list", check=False)
    assert alone.returncode == 3
    assert "is known to the agent alone, which does not run: `netconsole agent" in alone.stderr
    start_agent(host)
    for stranger, more, why in (
        (("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"), (), "let you in"),
        ((), ("--no-agent",), "which is not asked, by --no-agent"),
    ):
        told = host.run(*stranger, "netconsole", *more, "metadata", "list", check=False)
        assert why in told.stderr
        assert "does not run" not in told.stderr
    hostname = "/latest/meta-data/hostname"
    eventually(lambda: ask(host, "web1", hostname).body.startswith("web1"))
    assert ask(host, "web1", "/nothing?key=secret").status == 404
    quiet, web1 = answer(host, "metadata", "list")
    assert (quiet["instance"], quiet["requests"], quiet["is_silent"]) == ("quiet", 0, True)
    assert (web1["last"]["path"], web1["last"]["status"]) == ("/nothing", 404)
    assert web1["requests"] >= 2
    shown = netconsole(host, "metadata", "list")
    assert "silent" in shown
    assert "GET /nothing" in shown
    assert "secret" not in shown
    assert curl(host, "/v1/guest_requests")[0] == 200
    assert "metadata service" not in eventually(lambda: _calm(host))
    viewer = ("setpriv", "--reuid", "looker", "--regid", "looker", "--init-groups")
    run = ("netconsole", "playbook", "run", "no-metadata", "--json")
    told = json.loads(host.run(*viewer, *run, check=False).stdout)["findings"]
    verdicts = {each["check"]: each["verdict"] for each in told}
    assert verdicts["metadata"] == "ok", "what a viewer may not look at, the agent has"

    second = host.run("netconsole", "metadata", "serve", check=False)
    assert (second.returncode, len(second.stderr.splitlines())) == (1, 1)

    host.write(
        "/etc/netconsole/netconsole.conf",
        host.read("/etc/netconsole/netconsole.conf") + "dhcp_domain = example.org\n",
    )
    host.run("pkill", "-HUP", "-f", "netconsole agent")
    eventually(lambda: ask(host, "web1", hostname).body == "web1.example.org")


def test_why_it_does_not_serve_is_told_until_it_does(host: PrivateHost) -> None:
    """A port that another program has, and an address that the host does not have yet."""
    create_network(host)
    boot(host, "web1")
    host.spawn("busybox", "httpd", "-f", "-p", "8775")
    eventually(lambda: ask(host, "web1", "/").status == 404)
    for words in (("doctor", "--only", "metadata"), ("playbook", "run", "no-metadata")):
        told = host.run("netconsole", *words, check=False)
        assert told.returncode == 1, told.stdout
        assert "where another program listens" in " ".join(told.stdout.split())
    start_agent(host)
    _is_told(host, "metadata_listen_port 8775: another program listens at br100 already")
    host.run("pkill", "-f", "busybox httpd")
    eventually(lambda: _serves(host))

    configuration = host.read("/etc/netconsole/netconsole.conf")
    listen = "metadata_listen = 192.0.2.7\nmetadata_host = 192.0.2.7\n"
    host.write("/etc/netconsole/netconsole.conf", configuration + listen)
    host.run("pkill", "-HUP", "-f", "netconsole agent")
    _is_told(host, "metadata service at 192.0.2.7, port 8775: Cannot assign requested address")
    host.run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")
    eventually(lambda: _serves(host))


def _is_told(host: PrivateHost, reason: str) -> None:
    """By the status, and by the check, which the agent has made since."""
    wrong = f"wrong: the agent serves no metadata: {reason}"
    eventually(lambda: wrong in netconsole(host, "status"))
    eventually(lambda: f"The agent serves no metadata: {reason}" in _because(host))


def _because(host: PrivateHost) -> str:
    _, told = curl(host, "/v1/findings")
    (found,) = (each["because"] for each in told if each["check"] == "metadata")
    return str(found)


def _serves(host: PrivateHost) -> bool:
    is_served = ask(host, "web1", "/latest/meta-data/hostname").body.startswith("web1")
    return is_served and "no metadata" not in netconsole(host, "status")


def _calm(host: PrivateHost) -> str:
    """The status, once nothing is wrong in it."""
    told = netconsole(host, "status")
    return told if "wrong: no metadata" not in told else ""

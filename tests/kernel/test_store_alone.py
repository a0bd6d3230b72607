"""Changes after which this host is as before: what was made is said, and what waits for what."""

import json

from cloud import create_cloud
from private_host import PrivateHost


def said(host: PrivateHost, *command: str, status: int = 0) -> str:
    done = host.run("netconsole", *command, check=False)
    assert done.returncode == status, done.stderr
    return done.stderr


def test_what_waits_is_said(host: PrivateHost) -> None:
    network = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--multi-host", "T")
    words = said(host, "network", "create", "vmnet", *network)
    assert "network vmnet is in the store; its bridge and dnsmasq come with" in words
    assert "the first instance on this host" in words
    words = said(host, "floating", "create", "--pool", "p", "--ip-range", "203.0.113.128/30")
    assert "2 floating addresses in the store; each comes to eth0 when it is associated" in words
    assert "this host is as the store says" in said(host, "apply")
    assert "in the store alone" in said(host, "dns", "create-domain", "example.org")
    shown = host.run("netconsole", "apply", "--json").stdout
    assert json.loads(shown)["waits"] == "this host is as the store says"


def test_scrub_names_what_it_took_and_what_runs_on(host: PrivateHost) -> None:
    create_cloud(host)
    said(host, "network", "associate", "vmnet", "--project", "demo")
    words = said(host, "project", "scrub", "--project", "demo")
    assert "network vmnet is no longer of project demo" in words
    assert "1 instance of demo still there, untouched: web1" in words
    words = said(host, "project", "scrub", "--project", "demo")
    assert "project demo has no network of its own; nothing was taken from it" in words
    words = said(host, "project", "scrub", "--project", "nosuch", status=1)
    assert "project 'nosuch' is not known here" in words

"""The console's pane of what instances ask the metadata service: real guests of a lab ask."""

import re

import pytest
from agent import start_agent
from cloud import boot
from guest_asking import ask
from lab_console import console
from private_host import eventually
from running_lab import RunningLab
from two_hosts import two_hosts

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "curl"
)
HEALTHY = "drift 0 ✓  problems 0 ✓"
UNKNOWN = "what guests have asked is known to the agent alone"
SILENT = r" +silent \? +0 +0 +- +- +none since its lease"


def ask_in_lab(lab: RunningLab, guest: str, path: str) -> str:
    asked = ("curl", "-sS", "-m", "20", "-w", "%{http_code}", f"http://169.254.169.254{path}")
    return lab.inside(guest, *asked).stdout


def test_where_no_agent_runs_it_says_how_one_does() -> None:
    with RunningLab() as lab, console(lab, columns=60, lines=15) as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press(":", *"metadata", "enter")
        terminal.wait_for(UNKNOWN, re.compile(r"netconsole\s+lab\s+run\s+--agent"))
        terminal.press("escape")
        terminal.wait_for("[1 networks]")


def test_requests_are_seen_as_they_come_and_who_is_silent_first() -> None:
    with RunningLab() as lab:
        lab.netconsole("lab", "break", "metadata_service")  # the agent carries it
        start_agent(lab)
        with console(lab) as terminal:
            terminal.wait_for(HEALTHY)
            terminal.press("m")
            terminal.wait_for(
                re.compile(rf"db1{SILENT}.*\n.*web1{SILENT}.*\n.*web2{SILENT}"),
                "3 instances have a lease and have asked for nothing",
            )
            assert ask_in_lab(lab, "db1", "/latest/meta-data/hostname").startswith("db1")
            seen = r"db1 +200 +1 +0 +\d+[sm] +\d+\.\d +GET /latest/meta-data/"
            terminal.wait_for(re.compile(rf"web1{SILENT}.*\n.*web2{SILENT}.*\n.*{seen}"))
            assert ask_in_lab(lab, "db1", "/nothing?key=secret").endswith("404")
            terminal.wait_for(
                re.compile(r"db1 +404 +2 +1 +\d+[sm] +\d+\.\d +GET /nothing"),
                "2 instances have a lease and have asked for nothing",
            )

            terminal.press("end", "enter")
            terminal.wait_for("metadata: db1", re.compile(r"404 .*GET /nothing\n.*200 .*hostname"))
            assert "secret" not in terminal.text
            terminal.press("escape")
            terminal.resize(60, 15)
            terminal.wait_for(re.compile(r"db1 +404 +2 +\d+[sm] +GET /nothing"))
            terminal.resize(40, 12)
            terminal.wait_for("Please make it 60x15 or larger.")
            terminal.resize(120, 40)
            terminal.wait_for(re.compile(r"silent \?.* none since its lease *\n"))

            lab.run("pkill", "-KILL", "-f", "netconsole agent")
            terminal.wait_for(UNKNOWN)
            start_agent(lab)
            terminal.wait_for(re.compile(rf"db1{SILENT}"))


@pytest.mark.requires("root", "nsenter", "dropbear", "ssh")
def test_it_is_that_of_the_host_which_is_looked_at() -> None:
    with two_hosts() as hosts:
        boot(hosts.far, "web1")
        with hosts.console() as terminal:
            terminal.wait_for("node2", "drift 0 ✓")
            terminal.press("m")
            terminal.wait_for(re.compile(rf"web1{SILENT}"))
            eventually(lambda: ask(hosts.far, "web1", "/openstack").status == 200)
            terminal.wait_for(re.compile(r"web1 +200 +[1-9].*GET /openstack"))

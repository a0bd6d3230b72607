"""A console that asks the host's agent, whose agent ends and comes back."""

import re
import signal
import subprocess

import pytest
from lab_console import console
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)
HEALTHY = "drift 0 ✓  problems 0 ✓"
DRIFT = re.compile(r"\A.*drift [12] ≠")
SOCKET = "/run/netconsole/agent.sock"


def start(lab: RunningLab) -> "subprocess.Popen[str]":
    agent = lab.spawn("netconsole", "agent")
    asked = ("curl", "-sf", "--unix-socket", SOCKET, "http://agent/v1/agent")
    eventually(lambda: lab.run(*asked, check=False).returncode == 0)
    return agent


def test_it_goes_on_by_itself_and_says_so() -> None:
    with RunningLab() as lab:
        start(lab)
        with console(lab) as terminal:
            terminal.wait_for(HEALTHY)
            lab.run("pkill", "-KILL", "-f", "netconsole agent")
            terminal.wait_for("the agent is gone: this console looks by itself", HEALTHY)
            lab.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
            terminal.wait_for(DRIFT)
            terminal.press("r")
            terminal.wait_for("[ Apply ]")
            terminal.press("tab", "enter")
            terminal.wait_for(": done: ", HEALTHY)
            start(lab)
            terminal.wait_for("the agent is back", HEALTHY)


def test_it_goes_on_by_itself_where_the_agent_hangs() -> None:
    with RunningLab() as lab:
        agent = start(lab)
        with console(lab) as terminal:
            terminal.wait_for(HEALTHY)
            lab.run("pkill", "-STOP", "-f", "netconsole agent")
            try:
                terminal.press("r")  # asked before anybody knows
                terminal.wait_for("the agent is gone: this console looks by itself", HEALTHY)
                lab.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
                terminal.wait_for(DRIFT)
                terminal.press("r")
                terminal.wait_for("[ Apply ]")
                terminal.press("tab", "enter")
                terminal.wait_for(": done: ", HEALTHY)
            finally:
                agent.send_signal(signal.SIGCONT)  # nsenter(1) stops with what it runs
                lab.run("pkill", "-CONT", "-f", "netconsole agent")
            terminal.wait_for("the agent is back", HEALTHY)

"""A console that asks the host's agent, whose agent ends and comes back."""

import re
import signal

import pytest
from agent import start_agent
from lab_console import console
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)
HEALTHY = "drift 0 ✓  problems 0 ✓"
DRIFT = re.compile(r"\A.*drift [12] ≠")


def test_it_goes_on_by_itself_and_says_so() -> None:
    with RunningLab() as lab:
        start_agent(lab)
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
            start_agent(lab)
            terminal.wait_for("the agent is back", HEALTHY)


def test_it_goes_on_by_itself_where_the_agent_hangs() -> None:
    with RunningLab() as lab:
        agent = start_agent(lab)
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

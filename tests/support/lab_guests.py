"""The guests of a lab: their addresses, and what they get to."""

import json
from typing import Any

from running_lab import RunningLab

WORLD = "203.0.113.1"
"""Outside of the lab's host."""


def port_of_guest(lab: RunningLab, instance: str) -> dict[str, Any]:
    """Return the one allocation of an instance, as the status has it."""
    status = json.loads(lab.netconsole("status", "--json").stdout)
    (found,) = [each for each in status["allocations"] if each["instance"] == instance]
    return dict(found)


def reaches_the_world(lab: RunningLab, instance: str) -> bool:
    """Whether the world answers an instance."""
    return lab.inside(instance, "ping", "-c1", "-w2", WORLD).returncode == 0


def gets_address(lab: RunningLab, instance: str) -> bool:
    """Whether a client in the instance is offered its own address, from the first who answers."""
    show = 'case $1 in bound) echo "$ip"; esac'
    lab.run("sh", "-c", f"printf '#!/bin/sh\\n%s\\n' '{show}' > /run/show; chmod +x /run/show")
    client = ("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-t", "2", "-T", "1")
    told = lab.inside(instance, *client, "-s", "/run/show").stdout.split()
    return told == [port_of_guest(lab, instance)["address"]]

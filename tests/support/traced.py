"""Traces in a lab, and what they tell of the way."""

import json
from typing import Any

from running_lab import RunningLab


def traced(lab: RunningLab, *words: str) -> dict[str, Any]:
    done = lab.netconsole("trace", "--json", *words, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["reached"] == (done.returncode == 0)
    return found


def deciding(found: dict[str, Any], way: str = "there") -> list[str]:
    """The chains of the rules that decided something."""
    return [
        hop["rule"]["chain"]
        for hop in found["hops"]
        if hop["way"] == way and hop["rule"] and hop["verdict"] in ("accept", "drop")
    ]


def interfaces(found: dict[str, Any], way: str) -> list[str]:
    return [
        hop["interface"]
        for hop in found["hops"]
        if hop["way"] == way and hop["kind"] in ("arrived", "left")
    ]


def port_of(lab: RunningLab, guest: str) -> str:
    told = json.loads(lab.netconsole("instance", "show", guest, "--json").stdout)
    return str(told["ports"][0]["port"]["device"])

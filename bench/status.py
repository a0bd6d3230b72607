"""Claim: `netconsole status` by the agent takes 0.15 s, of which a processor works 0.12 s.

Prints that of `status` by the agent, of the same without it, and of curl(1), which asks the agent
for the same and neither reads nor lays out the answer; and their ratios.
"""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from enclosed import inside

from netconsole.backend.configuration.options import Options
from netconsole.backend.configuration.places import AGENT_SOCKET

SECONDS, PROCESSOR_SECONDS = 0.15, 0.12
ROUNDS = 15
INSTANCES = 5
NETCONSOLE = str(Path(sys.executable).parent / "netconsole")


def medians(command: list[str]) -> tuple[float, float]:
    """Return the median wall time of a command, and that of a processor, caches being warm."""
    took = []
    for _ in range(ROUNDS + 1):
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        took.append((time.perf_counter() - began, worked))
    wall, processor = zip(*took[1:], strict=True)
    return statistics.median(wall), statistics.median(processor)


def main(options: Options) -> None:
    configuration = Path(options.state_path, "netconsole.conf")
    configuration.write_text(
        f"[DEFAULT]\nstate_path = {options.state_path}\nmy_ip = {options.my_ip}\n"
        f"public_interface = {options.public_interface}\n"
    )
    netconsole = [NETCONSOLE, "--config-file", str(configuration)]
    cidr = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    _run([*netconsole, "network", "create", "vmnet", *cidr])
    for number in range(INSTANCES):
        _run([*netconsole, "instance", "create", f"guest{number}", "--project", "demo"])
    agent = subprocess.Popen([*netconsole, "agent"], stderr=subprocess.DEVNULL)
    question = "http://agent/v1/status?inner=true"
    asked = ["curl", "-sS", "--fail", "--unix-socket", AGENT_SOCKET, question]
    try:
        while subprocess.run(asked, capture_output=True, check=False).returncode:
            time.sleep(0.1)
        by_agent, processor = medians([NETCONSOLE, "status"])
        alone, alone_processor = medians([*netconsole, "--no-agent", "status"])
        curl, curl_processor = medians(asked)
    finally:
        agent.terminate()
        agent.wait()
    print(f"netconsole status by the agent: {_told(by_agent, processor)}, ", end="")
    print(f"{SECONDS / by_agent:.1f} times faster than claimed")
    print(f"without it: {_told(alone, alone_processor)}, {alone / by_agent:.1f} times longer")
    print(f"curl: {_told(curl, curl_processor)}, {by_agent / curl:.1f} times faster")
    if processor > PROCESSOR_SECONDS:
        sys.exit("takes longer than claimed")


def _told(wall: float, processor: float) -> str:
    return f"{wall * 1000:.0f} ms, of a processor {processor * 1000:.0f} ms"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


if __name__ == "__main__":
    inside(main)

"""Filters that the kernel applies before a packet reaches us, in the language of pcap-filter(7)."""

import shutil
import subprocess
from collections.abc import Mapping
from ipaddress import ip_address

from netconsole.backend.errors import InvalidValue, Unavailable
from netconsole.diagnostics.capture.ring import Instruction

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT_SECONDS = 10.0


def own_session(environment: Mapping[str, str]) -> str:
    """Answer the filter of the SSH session that we run in, empty without one.

    SSH_CONNECTION holds the client's address and port, then the server's (ssh(1)). To show its
    packets would make more of them.
    """
    words = environment.get("SSH_CONNECTION", "").split()
    if len(words) != 4:
        return ""
    try:
        client, server = (ip_address(word.partition("%")[0]) for word in (words[0], words[2]))
        ports = int(words[1]), int(words[3])
    except ValueError:
        return ""
    return f"tcp and host {client} and host {server} and port {ports[0]} and port {ports[1]}"


def _without(session: str, wanted: str) -> str:
    """Answer the filter that lets pass what is wanted and not of the session.

    The session comes first: the keyword `vlan` moves where all that follows it looks.
    """
    if not session:
        return wanted
    return f"not ({session}) and ({wanted})" if wanted else f"not ({session})"


def compile_filter(
    interface: str, expression: str, session: str, snaplen: int
) -> list[Instruction]:
    """Compile a filter that keeps `snaplen` bytes of what passes and is not of the session.

    tcpdump compiles it for the live interface, where VLAN tags are beside the frame, not in it.
    Raises InvalidValue for a filter that it refuses, Unavailable where there is no tcpdump.
    """
    program = shutil.which("tcpdump", path=PATH)
    if program is None:
        raise Unavailable("tcpdump: not installed; it compiles the filter")
    whole = _without(session, expression)
    argv = [program, "-ddd", "-p", "-s", str(snaplen), "-i", interface, "--", whole]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env={"PATH": PATH, "LC_ALL": "C"},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"tcpdump: no end after {LIMIT_SECONDS:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise InvalidValue("filter", expression, said[0].removeprefix("tcpdump: "))
    lines = done.stdout.split("\n")
    return [_instruction(line) for line in lines[1 : 1 + int(lines[0])]]


def _instruction(line: str) -> Instruction:
    code, true, false, operand = map(int, line.split())
    return code, true, false, operand

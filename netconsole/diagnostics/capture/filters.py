"""Filters that the kernel applies before a packet reaches us, in the language of pcap-filter(7)."""

from collections.abc import Mapping
from ipaddress import ip_address

from netconsole.backend.errors import InvalidValue
from netconsole.backend.programs import ProgramFailed, run
from netconsole.diagnostics.capture.ring import Instruction

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
    Raises InvalidValue for a filter or interface that it refuses, Unavailable where there is no tcpdump.
    """
    whole = _without(session, expression)
    argv = ["tcpdump", "-ddd", "-p", "-s", str(snaplen), "-i", interface, "--", whole]
    try:
        told = run(argv, timeout=LIMIT_SECONDS)
    except ProgramFailed as error:
        _, _, reason = str(error).rpartition("tcpdump: ")
        if reason.startswith(f"{interface}: "):
            rule = reason.removeprefix(f"{interface}: ")
            raise InvalidValue("interface", interface, rule) from None
        raise InvalidValue("filter", expression, reason) from None
    lines = told.splitlines()
    return [_instruction(line) for line in lines[1 : 1 + int(lines[0])]]


def _instruction(line: str) -> Instruction:
    code, true, false, operand = map(int, line.split())
    return code, true, false, operand

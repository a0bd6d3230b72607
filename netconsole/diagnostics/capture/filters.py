"""Filters that the kernel applies before a packet reaches us, in the language of pcap-filter(7)."""

from netconsole.backend.errors import InvalidValue
from netconsole.backend.programs import ProgramFailed, run
from netconsole.backend.ssh_session import SshSession
from netconsole.diagnostics.capture.ring import Instruction

LIMIT_SECONDS = 10.0


def of_session(session: SshSession) -> str:
    """Answer the filter of an SSH session's packets; to show them would make more of them."""
    hosts = f"host {session.client} and host {session.server}"
    return f"tcp and {hosts} and port {session.client_port} and port {session.server_port}"


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
    Raises InvalidValue for a filter or an interface that it refuses, Unavailable where there is
    no tcpdump.
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

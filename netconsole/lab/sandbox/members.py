"""Members: the machines of a lab besides its host, each a set of namespaces of its own.

Processes are counted in the lab as a whole: a PID namespace of its own would need a /proc, and
whoever may mount that may set what is of the machine.

`outside` is the world that the host's uplinks face; the others are the guests of instances.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import NotFound
from netconsole.backend.system import files
from netconsole.backend.system.programs import PATH
from netconsole.lab.sandbox.enclosure import FIRST_PROCESS, MEMBER_KINDS
from netconsole.lab.sandbox.ground import HOME, reset_settings
from netconsole.lab.sandbox.namespaces import (
    MountFlag,
    mount,
    set_hostname,
    set_process_name,
    unshare,
)
from netconsole.lab.sandbox.powers import show_links
from netconsole.lab.sandbox.processes import adopt_forever, execute, fork

OUTSIDE: Final = "outside"

_MEMBERS: Final = HOME / "members"
_LOGS: Final = HOME / "logs"
_RESOLVERS: Final = HOME / "resolvers"
_PAGES: Final = HOME / "pages"
_RESOLVCONF: Final = Path("/sbin/resolvconf")


@dataclass(frozen=True, slots=True)
class Member:
    """A running member: its name, and the pid of its first process as the lab counts."""

    name: str
    pid: int
    gate: int
    """A descriptor; writing to it lets the member begin to live."""

    def begin(self) -> None:
        """Tell the member that its links are there."""
        os.write(self.gate, b".")
        os.close(self.gate)


def start(name: str, live: Callable[[], None]) -> Member:
    """Start a member, which waits for `begin` and then does `live` in its own namespaces.

    It runs detached from the terminal and ends with the lab; its programs' words are in a log.
    """
    gate_reader, gate = os.pipe()
    pid_reader, pid_writer = os.pipe()

    def be_first() -> int:
        os.close(gate)
        _settle(name)
        if os.read(gate_reader, 1):
            live()
            adopt_forever()
        return 1

    def detach() -> int:
        os.setsid()
        unshare(MEMBER_KINDS)
        os.write(pid_writer, str(fork(be_first)).encode())
        return 0

    launcher = fork(detach)
    os.close(gate_reader)
    os.close(pid_writer)
    answer = os.read(pid_reader, 32)
    os.close(pid_reader)
    os.waitpid(launcher, 0)
    member = Member(name, int(answer), gate)
    _MEMBERS.mkdir(parents=True, exist_ok=True)
    (_MEMBERS / name).write_text(str(member.pid))
    return member


def start_program(*command: str) -> None:
    """Start a program of the member that calls."""
    fork(lambda: execute(command))


def serve_pages(greeting: str) -> None:
    """Start an HTTP server on port 80 that answers with one line."""
    pages = _PAGES / os.uname().nodename
    pages.mkdir(parents=True)
    (pages / "index.html").write_text(f"{greeting}\n", encoding="utf-8")
    start_program("busybox", "httpd", "-f", "-p", "80", "-h", str(pages))


def last_words(name: str) -> str:
    """Return the last line that a member's programs have written."""
    lines = files.read_text(_LOGS / name).splitlines()
    return lines[-1] if lines else "it said nothing"


def names() -> tuple[str, ...]:
    """Return the names of this lab's members."""
    return _started() if inside_lab() else ()


def pid_of(name: str) -> int:
    """Return the pid of a member's first process; raises NotFound, naming the members."""
    known = names()
    if name not in known:
        raise NotFound(f"{name!r} is no member of this lab; there are {', '.join(known)}")
    pid = int((_MEMBERS / name).read_text())
    if _process_name(pid) != _name_of_first(name):
        raise NotFound(f"{name!r} has ended")
    return pid


def inside_lab() -> bool:
    """Whether the calling process is on the host of a lab."""
    here = os.uname().nodename
    return _process_name(1) == FIRST_PROCESS and _MEMBERS.is_dir() and here not in _started()


def _started() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in _MEMBERS.iterdir()))


def _process_name(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def _name_of_first(name: str) -> str:
    return f"lab-{name}"[:15]


def _settle(name: str) -> None:
    """Make the calling process's new namespaces a machine of that name."""
    _LOGS.mkdir(parents=True, exist_ok=True)
    log = os.open(_LOGS / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ["PATH"] = PATH
    set_process_name(_name_of_first(name))
    set_hostname(name)
    show_links()
    resolver = _RESOLVERS / name
    resolver.parent.mkdir(exist_ok=True)
    resolver.write_text("")
    mount(str(resolver), "/etc/resolv.conf", flags=MountFlag.BIND)
    if _RESOLVCONF.exists():
        # The DHCP client's script prefers it, and it would change the resolver of the lab's host.
        mount("/dev/null", str(_RESOLVCONF.resolve()), flags=MountFlag.BIND)
    reset_settings()
    os.chdir("/")

"""The bundle: everything a colleague needs to look at this host from afar, in one archive."""

import io
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from netconsole import __version__
from netconsole.backend.model.codec import as_json
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import decoded, from_json
from netconsole.backend.system.files import opened
from netconsole.backend.system.programs import run
from netconsole.backend.system.saving import new_file
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.finding import as_json as in_json
from netconsole.diagnostics.model.snapshot import Snapshot, Unread
from netconsole.diagnostics.redaction import redacted, redacted_document
from netconsole.diagnostics.saved import to_text

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "links": ("ip", "-details", "-statistics", "link", "show"),
    "addresses": ("ip", "address", "show"),
    "routes": ("ip", "route", "show", "table", "all"),
    "routing-rules": ("ip", "rule", "show"),
    "neighbours": ("ip", "neighbour", "show"),
    "bridge-links": ("bridge", "-details", "link", "show"),
    "bridge-fdb": ("bridge", "fdb", "show"),
    "bridge-vlans": ("bridge", "vlan", "show"),
    "iptables": ("iptables-save", "--counters"),
    "ip6tables": ("ip6tables-save", "--counters"),
    "iptables-legacy": ("iptables-legacy-save", "--counters"),
    "ebtables": ("ebtables-save",),
    "nftables": ("nft", "-a", "list", "ruleset"),
    "conntrack-statistics": ("conntrack", "-S"),
    "sockets": ("ss", "-tulpn"),
    "queues": ("tc", "-statistics", "qdisc", "show"),
    "settings": ("sysctl", "-a", "--pattern", r"^net\.|^fs\.inotify|^kernel\.(osrelease|modules)"),
    "modules": ("lsmod",),
    "processes": ("ps", "-eo", "pid,ppid,user,lstart,stat,args"),
    "disk": ("df", "-h"),
    "memory": ("free", "-m"),
    "kernel": ("uname", "-a"),
    "kernel-log": ("dmesg", "--time-format", "iso"),
    "dnsmasq-version": ("dnsmasq", "--version"),
    "dnsmasq-log": ("journalctl", "--identifier", "dnsmasq", "--lines", "1000", "--no-pager"),
}
"""By the name of the file that their output becomes."""
COMMAND_SECONDS = 10.0
AT_ONCE = 4

FILES = (
    "/etc/os-release",
    "/etc/sysctl.conf",
    "/etc/network/interfaces",
    "/etc/resolv.conf",
    "/proc/net/netstat",
    "/proc/net/snmp",
    "/proc/net/softnet_stat",
)
DIRECTORIES = ("/etc/sysctl.d", "/etc/modules-load.d", "/etc/modprobe.d", "/etc/netplan")
_DOCUMENTS = frozenset({"evidence.json", "findings.json", "options.json"})
LARGEST = 4 * 1024 * 1024
"""Bytes of one file; of a longer one the end is taken."""


def write_bundle(
    file: str,
    service: "Service | Unread",
    snapshot: Snapshot,
    findings: tuple[Finding, ...],
) -> str:
    """Write the archive, for nobody else to read, and say what is in it.

    Raises NotSaved where it cannot be written, AlreadyThere where something has its name.
    """
    target = Path(file)
    root = target.name.removesuffix(".tar.gz")
    count = 0
    with new_file(target) as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in _texts(service, snapshot, findings):
            _add(archive, f"{root}/{name}", _without_secrets(name, text))
            count += 1
    size = target.stat().st_size // 1024
    return (
        f"{file}: {count} files, {size} KiB, readable by its owner only; passwords, tokens and "
        "private keys were removed, addresses and names were not"
    )


def _without_secrets(name: str, text: str) -> str:
    """A document of ours is redacted text by text: it has to be one that can be read again."""
    if name in _DOCUMENTS:
        return as_json(redacted_document(from_json(text)), indent=1)
    return redacted(text)


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
    archive.addfile(entry, io.BytesIO(data))


def _texts(
    service: "Service | Unread", snapshot: Snapshot, findings: tuple[Finding, ...]
) -> Iterator[tuple[str, str]]:
    yield "README", _readme(snapshot, findings)
    yield "evidence.json", to_text(snapshot)
    yield "findings.json", as_json([in_json(each) for each in findings], indent=1)
    if not isinstance(service, Unread):
        yield from _of_service(service)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, text in zip(COMMANDS, pool.map(_output, COMMANDS.values()), strict=True):
            yield f"commands/{name}.txt", text
    for path in _paths(service):
        if (content := _content(path)) is not None:
            yield f"files{path}", content


def _readme(snapshot: Snapshot, findings: tuple[Finding, ...]) -> str:
    found = [f"  {each.verdict}: {each.check}: {each.because}" for each in findings if each.found]
    return "\n".join(
        (
            f"Collected by netconsole {__version__}, {snapshot.taken:%Y-%m-%d %H:%M:%S} UTC.",
            "",
            "evidence.json can be judged anywhere: netconsole doctor --from evidence.json",
            "",
            "Found:",
            *(found or ["  nothing"]),
            "",
        )
    )


def _of_service(service: "Service") -> Iterator[tuple[str, str]]:
    yield "options.json", as_json(service.options, indent=1, inner=True)
    parts: dict[str, Callable[[], str]] = {
        "plan.txt": lambda: "".join(f"{line}\n" for line in service.plan().commands),
        "history.txt": lambda: "".join(
            f"{entry.at:%Y-%m-%dT%H:%M:%SZ} {entry.id} {entry.end or 'cut off'} {entry.title}\n"
            for entry in service.history()
        ),
    }
    for name, read in parts.items():
        try:
            yield name, read()
        except NetconsoleError as error:
            yield name, f"{error}\n"


def _output(argv: tuple[str, ...]) -> str:
    try:
        return run(argv, timeout=COMMAND_SECONDS)
    except NetconsoleError as error:
        return f"{error}\n"


def _paths(service: "Service | Unread") -> Iterator[Path]:
    yield from map(Path, FILES)
    for directory in DIRECTORIES:
        yield from sorted(Path(directory).glob("*"))
    if not isinstance(service, Unread):
        options = service.options
        yield Path(options.state_path, "audit.jsonl")
        yield from sorted(Path(options.networks_path).glob("**/*"))
        if options.dnsmasq_config_file:
            yield Path(options.dnsmasq_config_file)


def _content(path: Path) -> str | None:
    """Return the text of a file, the end of a very long one; None for what is no file."""
    if not path.is_file():
        return None
    try:
        with opened(path) as stream:
            size = path.stat().st_size
            if size > LARGEST:
                stream.seek(size - LARGEST)
            return decoded(stream.read(LARGEST))
    except OSError as error:
        return f"{error.strerror}\n"

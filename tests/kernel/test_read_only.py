"""Read-only: no changing verb reaches the store or the host, whoever asks and however."""

import json

from cloud import FLOATING, create_cloud, held
from private_host import PrivateHost

EVERY_CHANGE = """
import importlib, json, pkgutil
from dataclasses import fields
from netconsole.backend import changes
from netconsole.backend.model.errors import ReadOnly
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.backend.changes.attachment import Attachment
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals
from netconsole.backend.steps import Plan, SetSysctl

for module in pkgutil.iter_modules(changes.__path__):
    importlib.import_module(f"{changes.__name__}.{module.name}")

fix = Plan((SetSysctl("net.ipv4.ip_forward", "0", "1"),))
words = {"plan": fix, "traffic": TypedTraffic("tcp", "22"), "told": GuestDetails(),
         "removed": GuestRemovals(single=("image",)), "public_key": Attachment("id.pub", ""),
         "networks": ("vmnet",), "port_kind": "tap", "mtu": 1500,
         "address": "FLOATING", "instance": "web1", "network": "vmnet", "name": "web9",
         "fixed_range_v4": "10.7.0.0/24", "ip_range": "198.51.100.0/30", "bridge": "br7"}

def every(kind):
    for one in kind.__subclasses__():
        yield one
        yield from every(one)

service = Service(load(), read_only=True)
said = {}
for kind in every(changes.Change):
    change = kind(**{field.name: words.get(field.name, "word") for field in fields(kind)})
    for verb in (service.do, service.preview):
        try:
            verb(change)
        except ReadOnly as error:
            said[f"{kind.__name__} {verb.__name__}"] = str(error)
        else:
            said[f"{kind.__name__} {verb.__name__}"] = ""
try:
    service.undo()
except ReadOnly as error:
    said["undo"] = str(error)
print(json.dumps(said))
""".replace("FLOATING", FLOATING)


def test_the_backend_refuses_every_change_there_is(host: PrivateHost) -> None:
    create_cloud(host)
    before = held(host)
    said = json.loads(host.run("python3", "-c", EVERY_CHANGE).stdout)
    assert len(said) >= 50
    assert all("read-only" in words for words in said.values()), said
    assert held(host) == before


EVERY_COMMAND = """
import contextlib, io, json, sys
from netconsole.cli.main import run

said = {}
for command, arguments in json.loads(sys.argv[1]).items():
    words = io.StringIO()
    with contextlib.redirect_stderr(words):
        status = run(["--read-only", *command.split(), *arguments])
    said[command] = (status, words.getvalue())
print(json.dumps(said))
"""
"""In one process, as starting it takes the longest."""

COMMANDS = {
    "network create": ("--fixed-range-v4", "10.7.0.0/24", "--bridge", "br7", "net7"),
    "network delete": ("vmnet",),
    "network associate": ("vmnet", "--project", "demo"),
    "network disassociate": ("vmnet",),
    "network modify": ("vmnet", "--host", "other"),
    "dns create": (FLOATING, "www", "example.org"),
    "dns delete": ("example.org", "www"),
    "dns create-domain": ("example.org",),
    "dns delete-domain": ("example.org",),
    "vpn create": ("--project", "demo"),
    "vpn change": ("--project", "demo", "--ip", "203.0.113.2", "--port", "7"),
    "secgroup create": ("web", "--project", "demo"),
    "secgroup update": ("web", "--project", "demo", "--name", "www"),
    "secgroup delete": ("web", "--project", "demo"),
    "secgroup allow": ("default", "--project", "demo", "--protocol", "tcp", "--port", "22"),
    "secgroup revoke": ("default", "--project", "demo", "--protocol", "tcp", "--port", "22"),
    "secgroup defaults add": ("--protocol", "tcp", "--port", "22"),
    "secgroup defaults delete": ("--protocol", "tcp", "--port", "22"),
    "instance secgroup add": ("web1", "web"),
    "instance secgroup remove": ("web1", "default"),
    "project scrub": ("--project", "demo"),
    "instance create": ("web9", "--project", "demo", "--network", "vmnet"),
    "instance delete": ("web1",),
    "instance add-fixed-ip": ("web1", "vmnet"),
    "instance reset-network": ("web1",),
    "instance remove-fixed-ip": ("web1", "10.0.0.2"),
    "fixed reserve": ("10.0.0.9",),
    "fixed unreserve": ("10.0.0.9",),
    "floating create": ("--pool", "p", "--ip-range", "198.51.100.0/30"),
    "floating delete": ("203.0.113.130",),
    "floating allocate": ("--project", "demo", "--pool", "public"),
    "floating release": ("203.0.113.130",),
    "floating associate": ("203.0.113.130", "web1"),
    "floating disassociate": (FLOATING,),
    "apply": (),
    "adopt": (),
    "undo": (),
}


def test_the_command_line_refuses_and_says_so_in_one_line(host: PrivateHost) -> None:
    create_cloud(host)
    host.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
    before = held(host)
    refused = host.run("netconsole", "--read-only", "apply", check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    said = json.loads(host.run("python3", "-c", EVERY_COMMAND, json.dumps(COMMANDS)).stdout)
    assert said.keys() == COMMANDS.keys()
    for command, (status, words) in said.items():
        assert status == 3, (command, words)
        assert "read-only" in words
        assert words.count("\n") == 1
    assert held(host) == before


def test_reading_works_read_only_and_the_database_itself_is_not_written(host: PrivateHost) -> None:
    create_cloud(host)
    before = host.run("sha256sum", "/var/lib/netconsole/netconsole.sqlite").stdout
    status = json.loads(host.run("netconsole", "--read-only", "status", "--json").stdout)
    assert status["host"]["access"] == "read-only"
    assert status["allocations"][0]["leased"] is True
    assert host.run("sha256sum", "/var/lib/netconsole/netconsole.sqlite").stdout == before


def test_without_privileges_it_reads_what_it_can_and_says_what_it_cannot(host: PrivateHost) -> None:
    create_cloud(host)
    unprivileged = (
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
    )
    seen = host.run(*unprivileged, "netconsole", "status", "--json", check=False)
    status = json.loads(seen.stdout)
    assert status["host"]["access"] == "read-only"
    assert "root" in status["host"]["read_only_because"]
    assert set(status["host"]["unreadable"]) == {"guards", "rules", "store"}
    assert status["drift"] == []
    assert [server["state"] for server in status["dnsmasq"]] == ["unknown"]
    words = host.run(*unprivileged, "netconsole", "status", check=False).stdout.splitlines()
    assert words[0].endswith(": unknown: rules, guards, store could not be read")
    assert words[1].startswith("read-only: "), "nothing is counted that could not be read"
    refused = host.run(*unprivileged, "netconsole", "apply", check=False)
    assert refused.returncode == 3
    assert "CAP_NET_ADMIN" in refused.stderr
    planned = host.run(*unprivileged, "netconsole", "plan", check=False)
    assert planned.returncode == 3


SECRET = "s3cr3t-of-this-host"  # noqa: S105  it protects nothing
KEPT = "/run/kept"
URL = "mysql://nova@127.0.0.1/nova"
ASKED = {
    "save": ("doctor", "--only", "ip_forward", "--save", KEPT),
    "capture": ("capture", "--on", "eth0", "--seconds", "0.2", "--write", KEPT),
    "screenshot": ("console", "--screenshot", KEPT),
    "bundle": ("playbook", "run", "bundle", "--target", KEPT),
}


def _everything(host: PrivateHost) -> str:
    """Every file that this host has made, with its size and the time of its last change."""
    return host.run("find", "/var", "/run", "-ls").stdout


def test_read_only_nothing_is_written_anywhere(host: PrivateHost) -> None:
    create_cloud(host)
    before = _everything(host)
    for name, command in ASKED.items():
        done = host.run("netconsole", "--read-only", *command, check=False)
        assert (done.returncode, done.stdout) == (3, ""), name
        assert "refused, it writes a file and this is" in done.stderr
        assert done.stderr.count("\n") == 1
    for command in (("status",), ("network", "list"), ("history",), ("doctor", "--json")):
        host.run("netconsole", "--read-only", *command, check=False)
    for command in (("run", "--", "id"), ("enter", "--", "id"), ("break", "rp_filter")):
        done = host.run("netconsole", "--read-only", "lab", *command, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert "refused, it runs commands" in done.stderr
    assert _everything(host) == before


def test_nothing_that_is_there_is_replaced(host: PrivateHost) -> None:
    create_cloud(host)
    host.write(KEPT, SECRET)
    for name, command in ASKED.items():
        done = host.run("netconsole", *command, check=False, timeout=120)
        assert done.returncode == 2, (name, done.stderr)
        assert f"{KEPT}: is there already" in done.stderr
        assert done.stderr.count("\n") == 1
    assert host.run("cat", KEPT).stdout == SECRET


OPTIONS = (
    *(f"mysql://nova@127.0.0.1/nova?{option}={KEPT}" for option in ("read_default_file", "ssl_ca")),
    *(f"postgresql://nova@127.0.0.1/nova?{option}={KEPT}" for option in ("service", "sslkey")),
    f"sqlite:///{KEPT}",
)


def test_no_path_or_url_makes_it_print_a_file(host: PrivateHost) -> None:
    asked: list[tuple[str, ...]] = [
        ("doctor", "--from", KEPT),
        ("capture", "--read", KEPT),
        ("capture", "--on", "eth0", "--", f"-F{KEPT}"),
        *(("import", "nova", "--dry-run", "--connection", url) for url in OPTIONS),
    ]
    for text in (f"[DEFAULT]\n{SECRET}\n", f"  {SECRET}\n", f"={SECRET}\n", f"{SECRET}\n"):
        host.write(KEPT, text)
        asked.append(("--config-file", KEPT, "status"))
        while asked:
            command = asked.pop()
            done = host.run("netconsole", *command, check=False)
            assert done.returncode in (1, 2, 3), (command, done.stderr)
            assert SECRET not in done.stdout + done.stderr
            assert done.stderr.count("\n") == 1


def test_read_only_by_sudo_names_files_with_the_rights_of_who_calls(host: PrivateHost) -> None:
    """Where `netconsole --read-only` is all that someone may run as root."""
    create_cloud(host)
    host.write("/etc/netconsole/netconsole.conf", f"[DEFAULT]\nhost = {SECRET}\n")
    host.run("netconsole", "capture", "--on", "eth0", "--seconds", "0.2", "--write", KEPT)
    host.run("netconsole", "doctor", "--only", "ip_forward", "--save", f"{KEPT}.json")
    host.run("cp", "/etc/netconsole/netconsole.conf", f"{KEPT}.conf")
    host.run("sh", "-c", f"chmod 600 {KEPT}* /etc/netconsole/*; mkdir -m 700 {KEPT}.d")
    host.write("/run/his.conf", "[DEFAULT]\nstate_path = /root\n")
    host.run("chown", "65534", "/run/his.conf")
    host.write("/run/roots.conf", "[DEFAULT]\nhost = another\n")
    sudo = {"SUDO_UID": "65534", "SUDO_GID": "65534", "SUDO_USER": "nobody"}

    def asked(*arguments: str) -> tuple[int, str, str]:
        command = ("netconsole", "--read-only", *arguments)
        done = host.run(*command, check=False, environment=sudo)
        return done.returncode, done.stdout, done.stderr

    for refused in (
        ("capture", "--read", KEPT),
        ("doctor", "--from", f"{KEPT}.json"),
        ("--config-file", f"{KEPT}.conf", "config", "show"),
        ("--config-dir", f"{KEPT}.d", "config", "show"),
    ):
        status, told, said = asked(*refused)
        assert (status, told, said.count("\n")) == (2, "", 1), refused
        assert "ermission denied" in said
    assert "must be root's" in asked("--config-file", "/run/his.conf", "status")[2]
    host.run("chown", "65534", f"{KEPT}.json")
    assert asked("doctor", "--from", f"{KEPT}.json")[0] in (0, 1)
    assert "another" in asked("--config-file", "/run/roots.conf", "config", "show")[1]
    assert SECRET in asked("config", "show")[1]
    assert asked("status")[0] == 0

"""Guests ask while what they are told, their addresses and the service change, and for much."""

import gzip
import hashlib
import json
import random
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from agent import start_agent
from cloud import FLOATING, answer, boot, create_cloud, create_network, netconsole
from guest_asking import METADATA, ask, serve, stop
from guest_clients import TOKEN
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

ASKING = """
import http.client, sys
connection = http.client.HTTPConnection("169.254.169.254", 80, timeout=60)
for path in sys.stdin:
    connection.request("GET", path.strip())
    answer = connection.getresponse()
    body = answer.read().decode().strip()
    print(answer.status, connection.sock is not None, body, flush=True)
"""
"""Asks over one connection, a path a line."""


class Asking:
    """A guest's program that stays connected."""

    def __init__(self, host: PrivateHost, guest: str) -> None:
        inside = ("ip", "netns", "exec", guest)
        self._process = host.spawn(*inside, "python3", "-c", ASKING)

    def get(self, path: str) -> str:
        """Return the status, whether it is still connected, and the one line of the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


def test_over_one_connection_each_answer_is_of_its_time(host: PrivateHost) -> None:
    fixed = create_cloud(host)
    netconsole(host, "floating", "disassociate", FLOATING)
    service = serve(host)
    asking = Asking(host, "web1")
    public, user_data = "/latest/meta-data/public-ipv4", "/latest/user-data"
    assert asking.get(public) == "200 True"
    assert asking.get(user_data) == "404 True 404 not found"
    host.write("/run/first", "first")
    host.write("/run/second", "second")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    netconsole(host, "instance", "set", "web1", "--user-data", "/run/first")
    assert asking.get(public) == f"200 True {FLOATING}"
    assert asking.get(user_data) == "200 True first"
    netconsole(host, "instance", "set", "web1", "--user-data", "/run/second")
    netconsole(host, "floating", "disassociate", FLOATING)
    assert asking.get(user_data) == "200 True second"
    assert asking.get(public) == "200 True"
    boot(host, "web2")
    netconsole(host, "floating", "associate", FLOATING, "web2")
    assert ask(host, "web2", public).body == FLOATING
    assert asking.get("/latest/meta-data/local-ipv4") == f"200 True {fixed}"
    stop(host, service)


def test_a_mac_address_that_moves_between_ports_is_told_at_none_but_its_own(
    host: PrivateHost,
) -> None:
    """With guards off a guest takes another's addresses while both are connected.

    Neighbours are known for good, so that no ARP moves the address where the test does not.
    """
    create_network(host, "guard = False")
    victim = boot(host, "web1")
    boot(host, "thief")
    shown = host.run("ip", "-n", "web1", "-json", "link", "show", "eth0").stdout
    mac = json.loads(shown)[0]["address"]
    bridge = json.loads(host.run("ip", "-json", "link", "show", "br100").stdout)[0]["address"]
    good = "nud permanent"
    host.run(*f"ip neighbour replace {victim} lladdr {mac} dev br100 {good}".split())
    service = serve(host)
    hostname = "/latest/meta-data/hostname"
    owner = Asking(host, "web1")
    assert owner.get(hostname) == "200 True web1.novalocal"
    inside = (
        f"link set dev eth0 address {mac}",
        "address flush dev eth0",
        f"address add {victim}/24 dev eth0",
        "route replace default via 10.0.0.1",
    )
    host.run("sh", "-ec", "\n".join(f"ip -n thief {each}" for each in inside))
    for guest in ("web1", "thief"):
        known = f"neighbour replace 10.0.0.1 lladdr {bridge} dev eth0 {good}"
        host.run("ip", "-n", guest, *known.split())
    refused = "404 True 404 not found"
    thief = Asking(host, "thief")
    for _ in range(3):
        assert thief.get(hostname) == refused, "the owner's connection says nothing of this one"
        assert owner.get(hostname) == "200 True web1.novalocal"
        assert Asking(host, "web1").get(hostname) == "200 True web1.novalocal"
        assert Asking(host, "thief").get(hostname) == refused
    assert f"{victim} is web1's, and asked for its metadata" in stop(host, service)


def test_a_guest_of_two_networks_is_known_by_each_address(host: PrivateHost) -> None:
    create_network(host)
    second = ("network", "create", "second", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(host, *second)
    first = boot(host, "web1", more=("--network", "vmnet", "--network", "second"))
    ports = answer(host, "instance", "show", "web1")["ports"]
    service = serve(host)
    for interface, port in zip(("eth0", "eth1"), ports, strict=True):
        for by in (("via", port["network"]["gateway"]), ("scope", "link")):
            way = (*by, "dev", interface)
            host.run("ip", "-n", "web1", "route", "replace", "169.254.169.254", *way)
            found = ask(host, "web1", "/latest/meta-data/local-ipv4")
            assert (found.status, found.body) == (200, first), way
    data = ask(host, "web1", "/openstack/latest/network_data.json").json
    assert [each["ethernet_mac_address"] for each in data["links"]] == [
        each["port"]["mac"] for each in ports
    ]
    stop(host, service)


def samples() -> dict[str, bytes]:
    """User data of 60 KB: of any bytes, compressed, and of many parts."""
    made = random.Random(7).randbytes(60_000)  # noqa: S311  a sample, and no secret
    parts = MIMEMultipart()
    parts.attach(MIMEText("#cloud-config\nhostname: Grüße\n", "cloud-config", "utf-8"))
    parts.attach(MIMEApplication(made[:40_000]))
    return {"binary": b"\x00\xff" + made, "gzip": gzip.compress(made), "MIME": parts.as_bytes()}


@pytest.mark.requires("busybox", "wget")
def test_user_data_arrives_byte_by_byte(host: PrivateHost, tmp_path: Path) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    for kind, content in samples().items():
        (tmp_path / kind).write_bytes(content)
        netconsole(host, "instance", "set", "web1", "--user-data", str(tmp_path / kind))
        for path in ("latest/user-data", "openstack/latest/user_data"):
            for program in ("curl -sf --compressed", "wget -qO-", "busybox wget -qO-"):
                got = host.run(
                    *("ip", "netns", "exec", "web1", "sh", "-c"),
                    f"{program} {METADATA}/{path} | sha256sum",
                ).stdout.split()[0]
                assert got == hashlib.sha256(content).hexdigest(), (kind, program, path)
            head = ask(host, "web1", f"/{path}", "-I")
            assert f"Content-Length: {len(content)}\n" in head.headers.replace("\r", "") + head.body
    stop(host, service)


def test_names_of_any_letters_arrive(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    host.write("/run/motd", "grüß\n")
    told = ("--meta", "role=Schlüssel 鍵", "--file", "/etc/größe=/run/motd")
    netconsole(host, "instance", "set", "web1", *told, "--availability-zone", "Süd")
    data = ask(host, "web1", "/openstack/latest/meta_data.json").json
    assert data["meta"] == {"role": "Schlüssel 鍵"}
    assert [each["path"] for each in data["files"]] == ["/etc/größe"]
    assert ask(host, "web1", "/openstack" + data["files"][0]["content_path"]).body == "grüß\n"
    assert ask(host, "web1", "/latest/meta-data/placement/availability-zone").body == "Süd"
    stop(host, service)


def test_clients_that_try_again_are_answered_once_the_agent_is_back(host: PrivateHost) -> None:
    create_network(host, "metadata_tokens = required")
    fixed = boot(host, "web1")
    put = ("-X", "PUT", "-H", f"{TOKEN}-ttl-seconds: 21600")
    patient = ("curl", "-sS", "--retry", "60", "--retry-delay", "1", "--retry-connrefused")
    inside = ("ip", "netns", "exec", "web1")
    early = host.spawn(*inside, *patient, *put, f"{METADATA}/latest/api/token")
    agent = start_agent(host)
    token, said = early.communicate(timeout=90)
    assert len(token) > 20, said
    with_token = ("-H", f"{TOKEN}: {token}")
    assert ask(host, "web1", "/latest/meta-data/local-ipv4", *with_token).body == fixed
    host.run("pkill", "-KILL", "-f", "netconsole agent")
    agent.wait(timeout=60)
    assert ask(host, "web1", "/latest/meta-data/local-ipv4", *with_token).status == 0
    assert "no metadata service runs" in netconsole(host, "status")
    late = host.spawn(*inside, *patient, *put, f"{METADATA}/latest/api/token")
    start_agent(host)
    another, said = late.communicate(timeout=90)
    assert ask(host, "web1", "/latest/meta-data/local-ipv4", *with_token).status == 401, said
    with_token = ("-H", f"{TOKEN}: {another}")
    assert ask(host, "web1", "/latest/meta-data/local-ipv4", *with_token).body == fixed, said

"""Who is near the metadata service and no guest at its own port; and how far a token goes."""

import re

import pytest
from cloud import FLOATING, boot, create_cloud, create_network, netconsole
from guest_asking import METADATA, ask, serve, stop
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

HOSTNAME = "/latest/meta-data/hostname"
DOCKER = """
ip link add docker0 up type bridge
ip address add 172.17.0.1/16 dev docker0
ip netns add container
ip link add veth0 up master docker0 type veth peer eth0 netns container
ip -n container link set eth0 up
ip -n container address add 172.17.0.2/16 dev eth0
ip -n container route add default via 172.17.0.1
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
"""


@pytest.mark.parametrize(
    ("more", "answered"), [((), 0), (("metadata_listen = 0.0.0.0",), 404)], ids=["bridges", "all"]
)
def test_a_container_of_the_host_is_told_nothing(
    host: PrivateHost, more: tuple[str, ...], answered: int
) -> None:
    create_network(host, *more)
    boot(host, "web1")
    host.run("sh", "-ec", DOCKER)
    service = serve(host)
    for at in (METADATA, "http://203.0.113.2:8775", "http://172.17.0.1:8775"):
        for path in ("/", "/openstack", HOSTNAME):
            assert ask(host, "container", path, at=at).status == answered, (at, path)
    assert ask(host, "web1", HOSTNAME).body[:4] == "web1"
    stop(host, service)


def test_at_its_own_floating_address_a_guest_finds_itself_and_no_service(
    host: PrivateHost,
) -> None:
    create_cloud(host)
    service = serve(host)
    assert ask(host, "web1", HOSTNAME).status == 200
    for port in (80, 8775):
        found = ask(host, "web1", HOSTNAME, "-m", "5", at=f"http://{FLOATING}:{port}")
        assert (found.status, found.body) == (0, "")
    stop(host, service)


@pytest.mark.parametrize("more", [(), ("metadata_listen = 0.0.0.0",)], ids=["bridges", "all"])
def test_on_another_projects_network_nobody_is_taken_for_a_guest(
    host: PrivateHost, more: tuple[str, ...]
) -> None:
    create_network(host, "guard = False", *more)
    words = ("--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(host, "network", "create", "others", *words)
    victim = boot(host, "web1")
    own = boot(host, "db1", project="other", more=("--network", "others"))
    service = serve(host)
    for at in (METADATA, "http://10.0.0.1:8775", "http://10.1.0.1:8775"):
        assert ask(host, "db1", "/latest/meta-data/local-ipv4", at=at).body == own
    host.run("ip", "-n", "web1", "link", "set", "dev", "eth0", "down")
    host.run("ip", "-n", "db1", "address", "add", f"{victim}/32", "dev", "eth0")
    host.run("ip", "route", "add", f"{victim}/32", "dev", "br101")
    host.run("sh", "-c", "for each in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$each; done")
    found = ask(host, "db1", HOSTNAME, "--interface", victim)
    assert found.status == 404
    said = stop(host, service)
    assert f"{victim} is web1's, and asked for its metadata" in said


@pytest.mark.requires("tcpdump")
def test_the_answer_with_a_token_goes_no_further_than_the_guest(host: PrivateHost) -> None:
    """Its packets have a TTL of 1; those of what is asked with it, on the same connection, not."""
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    inside = ("ip", "netns", "exec", "web1")
    watched = "src host 169.254.169.254 and tcp[tcpflags] & tcp-push != 0"
    capture = host.spawn(*inside, "tcpdump", "-nvlU", "-i", "eth0", "-w", "/run/seen", watched)
    eventually(lambda: host.run("sh", "-c", "test -s /run/seen", check=False).returncode == 0)
    lifetime = ("-H", "X-aws-ec2-metadata-token-ttl-seconds: 60")
    put = ("-X", "PUT", *lifetime, f"{METADATA}/latest/api/token")
    get = f"{METADATA}{HOSTNAME}"
    done = host.run(*inside, "curl", "-sS", get, "--next", "-sS", *put, "--next", "-sS", get)
    assert done.stdout.count("web1") == 2

    def lives() -> list[str]:
        shown = host.run("tcpdump", "-nvr", "/run/seen", check=False).stdout
        return re.findall(r"ttl (\d+)", shown)

    eventually(lambda: len(lives()) == 3)
    assert lives() == ["64", "1", "64"]
    capture.terminate()
    stop(host, service)

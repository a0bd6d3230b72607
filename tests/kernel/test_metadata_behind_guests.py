"""Who stands behind a guest, as its containers do: known as the guest, and given no token."""

import pytest
from cloud import boot, create_network
from guest_asking import ask, serve, stop
from guest_clients import TOKEN
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

CONTAINER = """
set -e
ip netns add container
ip -n web1 link add docker0 type veth peer name eth0 netns container
ip -n web1 link set docker0 up
ip -n web1 address add 172.17.0.1/16 dev docker0
ip -n container link set eth0 up
ip -n container address add 172.17.0.2/16 dev eth0
ip -n container route add default via 172.17.0.1
ip netns exec web1 sysctl -q net.ipv4.ip_forward=1
ip netns exec web1 iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -o eth0 -j MASQUERADE
"""
"""A container in the guest web1, whose address is translated to the guest's."""


def test_a_token_gets_no_further_than_the_guest(host: PrivateHost) -> None:
    create_network(host)
    fixed = boot(host, "web1")
    host.run("sh", "-c", CONTAINER)
    service = serve(host)
    url, put = "/latest/meta-data/local-ipv4", "/latest/api/token"
    please = ("-X", "PUT", "-H", f"{TOKEN}-ttl-seconds: 60")
    assert ask(host, "container", url).body == fixed, "without one it is answered as the guest"
    token = ask(host, "web1", put, *please)
    assert token.status == 200
    # That the answer is lost on the way is seen by waiting for it, and by nothing else.
    assert ask(host, "container", put, *please, "-m", "3").status == 0
    with_token = ("-H", f"{TOKEN}: {token.body}")
    assert ask(host, "container", url, *with_token).body == fixed
    stop(host, service)

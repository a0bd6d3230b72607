"""`my_ip` where it is not configured, as the kernel of a real host answers it."""

import sys

from private_host import PrivateHost

ASK = """
from netconsole.backend.configuration.loading import load

print(load().my_ip, load().metadata_host)
"""


def own_address(host: PrivateHost) -> str:
    return host.run(sys.executable, "-c", ASK).stdout.strip()


def test_my_ip_is_the_address_of_the_default_routes_interface(host: PrivateHost) -> None:
    host.run("ip", "address", "add", "203.0.113.9/32", "dev", "eth0")
    host.run("ip", "link", "add", "br7", "type", "bridge")
    host.run("ip", "address", "add", "10.0.7.1/24", "dev", "br7")
    host.run("ip", "link", "set", "br7", "up")
    assert own_address(host) == "203.0.113.2 203.0.113.2"


def test_of_two_default_routes_the_lower_metric_counts(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "br7", "type", "bridge")
    host.run("ip", "address", "add", "10.0.7.1/24", "dev", "br7")
    host.run("ip", "link", "set", "br7", "up")
    host.run("ip", "route", "add", "default", "via", "10.0.7.2", "dev", "br7", "metric", "50")
    assert own_address(host) == "203.0.113.2 203.0.113.2"
    host.run("ip", "route", "delete", "default", "via", "203.0.113.1")
    assert own_address(host) == "10.0.7.1 10.0.7.1"


def test_without_a_default_route_there_is_none(host: PrivateHost) -> None:
    host.run("ip", "route", "delete", "default")
    assert own_address(host) == "None None"

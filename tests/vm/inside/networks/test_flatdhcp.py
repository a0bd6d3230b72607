"""A FlatDHCP network on a kernel whose iptables is the legacy kind."""

from cloud import FLOATING, answer, create_cloud, netconsole, reaches
from private_host import PrivateHost, eventually

SOMETHING_TO_DO = 2


def test_a_network_lives_and_its_flushed_rules_come_back(host: PrivateHost) -> None:
    address = create_cloud(host)
    host.run("ping", "-c1", "-w60", address)
    eventually(lambda: reaches(host))
    assert FLOATING in host.run("iptables-legacy-save", "-t", "nat").stdout
    assert answer(host, "plan")["steps"] == []
    (allocation,) = answer(host, "status")["allocations"]
    assert (allocation["instance"], allocation["leased"]) == ("web1", True)

    for table in ("filter", "nat", "mangle"):
        host.run("iptables", "-t", table, "-F")
    assert host.run("netconsole", "plan", check=False).returncode == SOMETHING_TO_DO
    netconsole(host, "apply")
    assert answer(host, "plan")["steps"] == []
    eventually(lambda: reaches(host))

"""A public interface that is a VLAN, as in the guide: public_interface=vlan100."""

from cloud import CONFIGURATION, boot, create_network, netconsole
from private_host import PrivateHost, eventually


def test_floating_addresses_on_a_vlan(host: PrivateHost) -> None:
    for run, last in ((host.run, "2"), (host.outside, "1")):
        run("ip", "link", "add", "link", "eth0", "name", "vlan100", "type", "vlan", "id", "100")
        run("ip", "address", "add", f"192.0.2.{last}/24", "dev", "vlan100")
        run("ip", "link", "set", "vlan100", "up")
    create_network(host)
    public = CONFIGURATION.replace("eth0", "vlan100").replace("203.0.113.2", "192.0.2.2")
    host.write("/etc/netconsole/netconsole.conf", public)
    netconsole(host, "apply")
    boot(host, "web1")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "192.0.2.128/28")
    netconsole(host, "floating", "associate", "192.0.2.129", "web1")
    assert " 192.0.2.129/32 " in host.run("ip", "address", "show", "vlan100").stdout
    eventually(
        lambda: host.outside("ping", "-c1", "-w2", "192.0.2.129", check=False).returncode == 0
    )

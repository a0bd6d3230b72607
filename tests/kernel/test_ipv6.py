"""A network with an IPv6 range: guests make their own addresses of what dnsmasq advertises."""

from cloud import answer, boot, configure, netconsole
from private_host import PrivateHost, eventually


def test_a_guest_makes_its_address_from_the_range_and_its_mac(host: PrivateHost) -> None:
    configure(host)
    netconsole(
        host,
        *("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
        *("--fixed-range-v6", "fd00:7::/64"),
    )
    assert "fd00:7::1/64" in host.run("ip", "-6", "address", "show", "br100").stdout
    boot(host, "web1")
    mac = answer(host, "instance", "show", "web1")["ports"][0]["port"]["mac"]
    octets = mac.split(":")
    wanted = f"fd00:7::f816:3eff:fe{octets[3]}:{int(octets[4] + octets[5], 16):x}"

    def shown() -> str:
        return host.run("ip", "-6", "-n", "web1", "address", "show", "dev", "eth0").stdout

    eventually(lambda: wanted.replace(":0", ":") in shown().replace(":0", ":"))
    eventually(lambda: "tentative" not in shown())
    assert host.run("ip", "netns", "exec", "web1", "ping", "-c1", "-w60", "fd00:7::1")
    assert host.run("netconsole", "plan", check=False).stdout == ""

    host.run("ip", "address", "del", "fd00:7::1/64", "dev", "br100")
    assert (
        "ip address add fd00:7::1/64 dev br100"
        in host.run("netconsole", "plan", check=False).stdout
    )
    netconsole(host, "apply")
    assert host.run("netconsole", "plan", check=False).stdout == ""

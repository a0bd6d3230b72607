"""A store that is gone, older or another's takes nothing down on a host with running guests."""

import pytest
from cloud import configure, create_network, netconsole
from private_host import PrivateHost

DATABASE = "/var/lib/netconsole/netconsole.sqlite"
MARKS = "/run/netconsole"
NOVAS = """
set -e
ip link add name br100 type bridge
ip address add 10.0.0.1/24 dev br100
ip link set br100 up
iptables -N nova-network-FORWARD
iptables -A nova-network-FORWARD -i br100 -j ACCEPT
iptables -A FORWARD -j nova-network-FORWARD
iptables -t nat -N nova-network-snat
iptables -t nat -A nova-network-snat -s 10.0.0.0/24 -o eth0 -j SNAT --to-source 203.0.113.2
mkdir -p /var/lib/nova/networks
dnsmasq --conf-file= --bind-interfaces --pid-file=/var/lib/nova/networks/nova-br100.pid \\
    --listen-address=10.0.0.1 --except-interface=lo --dhcp-range=10.0.0.2,static,120s \\
    --dhcp-leasefile=/var/lib/nova/networks/nova-br100.leases
"""


def held(host: PrivateHost) -> dict[str, str]:
    """All that a store could take down: links, rules, addresses, processes and their files."""
    return {
        what: host.run("sh", "-c", command).stdout
        for what, command in {
            "links": "ip -br link | sort",
            "addresses": "ip -br address",
            "rules": r"iptables-save | sed 's/^#.*//; s/\[[0-9:]*\]//'",
            "processes": "pgrep -a dnsmasq || true",
            "files": "cat /var/lib/*/networks/nova-*.leases; ls /var/lib/*/networks/* || true",
        }.items()
    }


def refused(host: PrivateHost, *arguments: str) -> str:
    done = host.run("netconsole", *arguments, check=False)
    assert (done.returncode, done.stdout) == (1, ""), arguments
    assert done.stderr.count("\n") == 1, arguments
    return done.stderr


CONVERGING = (
    ("plan",),
    ("apply", "--yes-remove-all"),
    ("network", "create", "other", "--fixed-range-v4", "10.7.0.0/24", "--bridge", "br7"),
)


@pytest.mark.requires("dnsmasq")
def test_a_store_that_did_not_configure_the_host_takes_nothing_down(host: PrivateHost) -> None:
    create_network(host)
    host.run("cp", DATABASE, "/run/older.sqlite")
    netconsole(host, "instance", "create", "late", "--project", "demo")
    host.run("cp", DATABASE, "/run/newest.sqlite")
    host.write("/run/other.conf", "state_path = /var/lib/other\nmy_ip = 203.0.113.2\n")
    before = held(host)
    other = ("--config-file", "/run/other.conf")
    for lost, words, put_back, configuration in (
        (f"cp /run/older.sqlite {DATABASE}", "is older than what", "", ()),
        (f"rm {DATABASE}", "was configured from another store", "", ()),
        (f": > {DATABASE}", "was configured from another store", "", ()),
        (":", "was configured from another store", "", other),
        (
            f"rm {DATABASE}; mv {MARKS} {MARKS}.away",
            "which this store does not know",
            f"mv {MARKS}.away {MARKS}",
            (),
        ),
    ):
        host.run("sh", "-c", lost)
        for arguments in (*CONVERGING[:2], ("instance", "create", "more", "--project", "demo")):
            assert words in refused(host, *configuration, *arguments), (lost, arguments)
        told = host.run("netconsole", *configuration, "status").stdout
        assert told.startswith("testhost: another's: ")
        assert {"another's: link br100", "another's: chains nova-network-*"} < {*told.splitlines()}
        assert "0 NAT rules of ours" in told
        assert held(host) == before, lost
        host.run("sh", "-c", f"rm -f {DATABASE}-*; cp /run/newest.sqlite {DATABASE}; {put_back}")
    netconsole(host, "plan")  # the store of the host is as good as before
    assert "without a terminal" in refused(host, "adopt")
    host.run("rm", DATABASE)
    netconsole(host, "adopt", "--yes-remove-all")
    assert "br100" not in held(host)["links"]
    netconsole(host, "plan")


@pytest.mark.requires("dnsmasq")
@pytest.mark.parametrize("lose", ["rm -r {}", "mv {} /run/away"])
def test_a_dnsmasq_whose_files_are_all_lost_is_stopped_by_who_adopts(
    host: PrivateHost, lose: str
) -> None:
    create_network(host)
    host.run("sh", "-c", lose.format("/var/lib/netconsole"))
    assert "another's: dnsmasq of br100" in host.run("netconsole", "status").stdout
    pid = host.run("pgrep", "-o", "-x", "dnsmasq").stdout.strip()
    assert f"kill {pid}" in netconsole(host, "adopt", "--dry-run").splitlines()

    netconsole(host, "adopt", "--yes-remove-all")

    assert host.run("pgrep", "-x", "dnsmasq", check=False).stdout == ""


@pytest.mark.requires("dnsmasq")
def test_a_store_of_before_is_known_by_its_links(host: PrivateHost) -> None:
    """Where an earlier version configured the host, there is no mark yet."""
    create_network(host)
    netconsole(host, "instance", "create", "web1", "--project", "demo")
    host.run("rm", "-r", MARKS)
    netconsole(host, "plan")
    netconsole(host, "apply")
    assert host.run("ls", MARKS).stdout.startswith("host-")
    netconsole(host, "plan")


@pytest.mark.requires("dnsmasq")
def test_what_another_host_deleted_goes_from_one_of_before_without_a_word(
    host: PrivateHost,
) -> None:
    create_network(host, "multi_host = true")
    for name in ("web1", "web2"):
        netconsole(host, "instance", "create", name, "--project", "demo")
    configure(host, "host = another", "networks_path = /run/another")
    host.run("unshare", "--net", "netconsole", "instance", "delete", "web2")
    configure(host, "multi_host = true")
    host.run("rm", "-r", MARKS)
    before = held(host)["links"].count("tap")

    netconsole(host, "apply")

    assert held(host)["links"].count("tap") == before - 1
    netconsole(host, "plan")


@pytest.mark.requires("dnsmasq")
def test_most_goes_only_with_the_hosts_name_but_for_who_deletes(host: PrivateHost) -> None:
    create_network(host)
    before = held(host)
    configure(host, "host = renamed")
    told = host.run("netconsole", "plan", check=False)
    assert told.returncode == 2
    assert "of ours here (" in told.stderr
    assert "nothing is done without the host's name" in refused(host, "apply")
    assert held(host) == before
    netconsole(host, "apply", "--yes-remove-all")
    assert "br100" not in held(host)["links"]
    configure(host)
    netconsole(host, "apply")
    netconsole(host, "network", "delete", "vmnet")  # who says what goes is not asked


@pytest.mark.requires("dnsmasq")
def test_what_nova_runs_is_left_until_it_is_taken_over(host: PrivateHost) -> None:
    configure(host, "state_path = /var/lib/nova")
    host.run("sh", "-c", NOVAS)
    before = held(host)
    for arguments in CONVERGING:
        told = refused(host, *arguments)
        assert "`netconsole import nova --connection URL` takes nova's networks over" in told
    assert held(host) == before

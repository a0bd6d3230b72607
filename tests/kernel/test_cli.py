"""The command line on a host of its own: what scripts and people rely on."""

import json
import subprocess

import pytest
from private_host import PrivateHost


@pytest.fixture
def vmnet(host: PrivateHost) -> PrivateHost:
    """A host with the network vmnet, the instance web1 and a pool of floating addresses."""
    host.run("netconsole", "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24",
             "--bridge", "br100")  # fmt: skip
    host.run("netconsole", "instance", "create", "web1", "--project", "demo", "--network", "vmnet",
             "--port-kind", "veth")  # fmt: skip
    host.run("netconsole", "floating", "create", "--pool", "public", "--ip-range",
             "203.0.113.128/29")  # fmt: skip
    return host


def everything(host: PrivateHost) -> object:
    """What a change could have touched, in a form to compare."""
    status = json.loads(host.run("netconsole", "status", "--json").stdout)
    return (
        [status[key] for key in ("networks", "allocations", "floating_ips", "drift")],
        host.run("ip", "-o", "link").stdout,
        host.run("ip", "-4", "-o", "address").stdout,
        host.run("iptables", "-t", "nat", "-S").stdout,
    )


CHANGES = [
    ("network", "create", "other", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101"),
    ("instance", "create", "web2", "--project", "p", "--network", "vmnet", "--port-kind", "veth"),
    ("instance", "delete", "web1"),
    ("floating", "create", "--pool", "public", "--ip-range", "203.0.113.64/30"),
    ("floating", "delete", "203.0.113.128/29"),
    ("floating", "associate", "203.0.113.129", "web1"),
    ("apply",),
]


def test_dry_run_prints_commands_and_changes_nothing(vmnet: PrivateHost) -> None:
    before = everything(vmnet)
    for change in CHANGES:
        done = vmnet.run("netconsole", *change, "--dry-run")
        assert done.stderr == "", change
    assert everything(vmnet) == before
    shown = vmnet.run("netconsole", "floating", "associate", "203.0.113.129", "web1", "--dry-run")
    assert "iptables -t nat" in shown.stdout
    assert "ip address add 203.0.113.129/32" in shown.stdout


def test_a_dry_run_shows_what_the_change_then_does(vmnet: PrivateHost) -> None:
    change = ("netconsole", "floating", "associate", "203.0.113.129", "web1", "--json")
    shown = json.loads(vmnet.run(*change, "--dry-run").stdout)
    done = json.loads(vmnet.run(*change).stdout)
    assert shown["steps"]
    assert done["steps"] == shown["steps"]
    assert done["result"]["address"] == "203.0.113.129"


def test_read_only_refuses_every_change(vmnet: PrivateHost) -> None:
    before = everything(vmnet)
    for change in (*CHANGES, ("network", "delete", "vmnet")):
        done = vmnet.run("netconsole", "--read-only", *change, check=False)
        assert done.returncode == 3, change
        assert done.stdout == ""
        assert "read-only" in done.stderr
    assert everything(vmnet) == before


def test_words_go_to_stderr_and_data_to_stdout(vmnet: PrivateHost) -> None:
    done = vmnet.run("netconsole", "floating", "associate", "203.0.113.130", "web1", "--verbose")
    assert done.stdout == ""
    assert "+ ip address add 203.0.113.130/32" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("floating associate 203.0.113.130 web1: done")
    listed = vmnet.run("netconsole", "floating", "list")
    assert listed.stderr == ""
    (row,) = [line.split() for line in listed.stdout.splitlines() if "203.0.113.130" in line]
    assert row[3:6] == ["demo", "web1", "10.0.0.2"]


def test_plan_says_by_its_status_whether_there_is_something_to_do(vmnet: PrivateHost) -> None:
    assert vmnet.run("netconsole", "plan").stdout == ""
    vmnet.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")

    done = vmnet.run("netconsole", "plan", check=False)
    assert done.returncode == 2
    assert "iptables -t nat -A nova-network-PREROUTING" in done.stdout
    assert vmnet.run("netconsole", "status").stdout.startswith("testhost: drift: 1 step away")
    status = json.loads(vmnet.run("netconsole", "status", "--json").stdout)
    planned = json.loads(vmnet.run("netconsole", "plan", "--json", check=False).stdout)
    assert status["drift"] == planned["steps"]

    vmnet.run("netconsole", "apply")
    vmnet.run("netconsole", "plan")
    assert vmnet.run("netconsole", "status").stdout.startswith("testhost: as the store says")
    titles = [entry["title"] for entry in json.loads(
        vmnet.run("netconsole", "history", "--json").stdout)]  # fmt: skip
    assert titles[0] == "apply"


REFUSED = [
    (("network", "delete", "vmnet"), 1, "allocated"),
    (("network", "show", "nothing"), 1, "nothing"),
    (("network", "create", "x", "--fixed-range-v4", "10.9.0.1/24"), 2, "10.9.0.1/24"),
    (("floating", "create", "--pool", "p", "--ip-range", "203.0.113.128/30"), 1, "203.0.113"),
    (("floating", "associate", "203.0.113.129", "nobody"), 1, "nobody"),
    (("--config-file", "/etc/absent.conf", "status"), 2, "/etc/absent.conf"),
]


def test_what_is_refused_is_one_line_and_changes_nothing(vmnet: PrivateHost) -> None:
    before = everything(vmnet)
    for arguments, status, words in REFUSED:
        done = vmnet.run("netconsole", *arguments, check=False)
        assert (done.returncode, done.stdout) == (status, ""), arguments
        assert done.stderr.startswith("netconsole: "), arguments
        assert done.stderr.count("\n") == 1, arguments
        assert words in done.stderr, arguments
    assert everything(vmnet) == before


def test_the_configuration_is_shown_with_its_places_and_checked(vmnet: PrivateHost) -> None:
    vmnet.write("/run/1.conf", "--my_ip=203.0.113.2\n--routng_source_ip=$my_ip\n")
    vmnet.write("/run/2.conf", "vlan_start = 300\nrabbit_host = controller\n")
    both = ("netconsole", "--config-file", "/run/1.conf", "--config-file", "/run/2.conf", "config")
    shown = json.loads(vmnet.run(*both, "show", "--json").stdout)
    assert shown["files"] == ["/run/1.conf", "/run/2.conf"]
    options = {each["name"]: (each["value"], each["origin"]) for each in shown["options"]}
    assert options["my_ip"] == ("203.0.113.2", "/run/1.conf:1")
    assert options["vlan_start"] == (300, "/run/2.conf:1")
    assert options["vpn_start"] == (1000, "default")

    checked = vmnet.run(*both, "check", check=False)
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        "unknown: /run/1.conf:2: [DEFAULT] routng_source_ip: there is no option of that name; "
        "did you mean routing_source_ip?",
        "without effect: /run/2.conf:2: [DEFAULT] rabbit_host: is nova's, and has no effect here",
    ]
    vmnet.run("netconsole", "--config-file", "/run/2.conf", "config", "check")


def test_tab_completes_the_names_of_the_store(vmnet: PrivateHost) -> None:
    def complete(*words: str) -> str:
        environment = {
            "_NETCONSOLE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        return vmnet.run("netconsole", environment=environment).stdout

    assert complete("netconsole", "network", "delete", "v") == "plain,vmnet\n"
    assert complete("netconsole", "floating", "associate", "203.0.113.129", "w") == "plain,web1\n"
    assert "plain,203.0.113.133\n" in complete("netconsole", "floating", "disassociate", "203")
    ends = {f"plain,{each}" for each in ("host", "outside", "web1", "10.0.0.2")}
    for option in ("--from", "--to"):
        assert ends <= set(complete("netconsole", "trace", option, "").split())
    assert "plain,10.0.0.2\n" in complete("netconsole", "trace", "--from", "web1", "--to", "10.")
    sent = ("netconsole", "trace", "--from", "web1", "--to", "10.0.0.1")
    assert complete(*sent, "d") == "plain,dns\nplain,dhcp\n"
    assert complete(*sent, "tcp", "").split() == []


def test_status_is_readable_without_privileges(vmnet: PrivateHost) -> None:
    done: subprocess.CompletedProcess[str] = vmnet.run(
        "setpriv", "--bounding-set=-all", "--inh-caps=-all", "netconsole", "status", "--json"
    )
    host = json.loads(done.stdout)["host"]
    assert host["access"] == "read-only"
    assert host["read_only_because"]
    refused = vmnet.run(
        "setpriv", "--bounding-set=-all", "--inh-caps=-all", "netconsole", "apply", check=False
    )
    assert refused.returncode == 3
    assert "read-only" in refused.stderr

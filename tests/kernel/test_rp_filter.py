"""The check and the playbook `rp_filter` against a real kernel that really drops packets.

The host has a second uplink to `outside`, and its way back to 203.0.113.1 can be made to leave
by it.
"""

import json
from typing import Any

import pytest
from private_host import PrivateHost
from pseudo_terminal import Terminal

pytestmark = pytest.mark.requires("ping")

OUTSIDE = "203.0.113.1"
OURS = "203.0.113.2"
DROP_IN = "/etc/sysctl.d/90-netconsole.conf"


@pytest.fixture
def uplinks(host: PrivateHost) -> PrivateHost:
    """The host with a second uplink, filters off, and each side known to the other's ARP."""
    host.run(
        *("ip", "link", "add", "eth1", "type", "veth"),
        *("peer", "name", "eth1", "netns", "outside"),
    )
    host.run("ip", "address", "add", "198.51.100.2/24", "dev", "eth1")
    host.run("ip", "link", "set", "eth1", "up")
    host.outside("ip", "address", "add", "198.51.100.1/24", "dev", "eth1")
    host.outside("ip", "link", "set", "eth1", "up")
    for name in ("all", "default", "eth0", "eth1"):
        setting(host, name, "0")
    host.outside("ping", "-c1", "-w60", OURS)
    return host


def setting(host: PrivateHost, interface: str, value: str) -> None:
    host.write(f"/proc/sys/net/ipv4/conf/{interface}/rp_filter", value)


def settings(host: PrivateHost) -> tuple[str, str]:
    return (
        host.read("/proc/sys/net/ipv4/conf/all/rp_filter").strip(),
        host.read("/proc/sys/net/ipv4/conf/eth0/rp_filter").strip(),
    )


def divert(host: PrivateHost) -> None:
    """Let the replies to `outside` leave by the second uplink."""
    host.run("ip", "route", "replace", f"{OUTSIDE}/32", "via", "198.51.100.1", "dev", "eth1")
    address = json.loads(host.run("ip", "-json", "link", "show", "eth0").stdout)[0]["address"]
    host.outside("ip", "neighbour", "replace", OURS, "lladdr", address, "dev", "eth0")


def break_it(host: PrivateHost) -> None:
    divert(host)
    setting(host, "eth0", "1")


def answers(host: PrivateHost) -> bool:
    return host.outside("ping", "-c1", "-w2", OURS, check=False).returncode == 0


def finding(host: PrivateHost, *options: str) -> dict[str, Any]:
    """Return what doctor finds of this filter."""
    done = host.run("netconsole", "doctor", "--json", *options, check=False)
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    found: dict[str, Any] = findings["rp_filter"]
    return found


def playbook(host: PrivateHost, *options: str) -> tuple[int, dict[str, Any]]:
    done = host.run("netconsole", "playbook", "run", "rp_filter", "--json", *options, check=False)
    return done.returncode, json.loads(done.stdout)


def row(found: dict[str, Any], label: str) -> str:
    return next(str(each["value"]) for each in found["evidence"] if each["label"] == label)


@pytest.mark.parametrize("everywhere", ["0", "1", "2"])
@pytest.mark.parametrize("own", ["0", "1", "2"])
def test_names_it_exactly_where_the_kernel_drops(
    uplinks: PrivateHost, everywhere: str, own: str
) -> None:
    setting(uplinks, "all", everywhere)
    setting(uplinks, "eth0", own)
    assert answers(uplinks)
    assert finding(uplinks)["verdict"] == "ok"
    divert(uplinks)
    assert finding(uplinks)["verdict"] == ("ok" if answers(uplinks) else "fail")


def test_a_reply_routed_by_its_own_address_returns_the_same_way(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    uplinks.run("ip", "route", "add", "default", "via", OUTSIDE, "dev", "eth0", "table", "100")
    uplinks.run("ip", "rule", "add", "from", OURS, "lookup", "100", "pref", "100")
    assert answers(uplinks)
    assert finding(uplinks)["verdict"] == "ok"


def test_a_packet_filter_that_drops_the_same_packets_is_not_mistaken_for_it(
    uplinks: PrivateHost,
) -> None:
    divert(uplinks)
    setting(uplinks, "eth0", "2")
    uplinks.run("iptables", "-A", "INPUT", "-s", OUTSIDE, "-j", "DROP")
    assert not answers(uplinks)
    status, document = playbook(uplinks)
    assert status == 0
    found = document["finding"]
    assert found["verdict"] == "ok"
    assert row(found, "probe of 203.0.113.1 through eth0") == "0 of 3 answered"
    assert row(found, "IPReversePathFilter after the probe") == row(
        found, "IPReversePathFilter before the probe"
    )


def test_the_probe_moves_the_counter_by_the_replies_that_are_dropped(
    uplinks: PrivateHost,
) -> None:
    break_it(uplinks)
    status, document = playbook(uplinks)
    found = document["finding"]
    assert (status, found["verdict"]) == (1, "fail")
    before = int(row(found, "IPReversePathFilter before the probe"))
    assert int(row(found, "IPReversePathFilter after the probe")) == before + 3
    assert found["fix"] == ["sysctl -w net.ipv4.conf.eth0.rp_filter=2"]
    assert settings(uplinks) == ("0", "1"), "nothing may change without --apply"


def test_without_probes_nothing_is_sent(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    _, document = playbook(uplinks, "--no-probe")
    assert document["finding"]["verdict"] == "fail"
    assert row(document["finding"], "IPReversePathFilter") == "0"


def test_heals_proves_it_and_takes_it_back(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    setting(uplinks, "all", "1")
    assert not answers(uplinks)

    status, document = playbook(uplinks, "--apply")
    assert (status, document["verified"]) == (0, True)
    assert answers(uplinks)
    after = document["after"]
    assert row(after, "probe of 203.0.113.1 through eth0") == "3 of 3 answered"
    assert row(after, "IPReversePathFilter after the probe") == row(
        after, "IPReversePathFilter before the probe"
    )
    assert settings(uplinks) == ("1", "2")

    status, document = playbook(uplinks, "--undo")
    assert status == 0
    assert document["undone"] == ["sysctl -w net.ipv4.conf.eth0.rp_filter=1"]
    assert settings(uplinks) == ("1", "1")
    assert not answers(uplinks)

    done = uplinks.run("netconsole", "playbook", "run", "rp_filter", "--undo", check=False)
    assert done.returncode == 1
    assert "nothing that could be undone" in done.stderr


def test_healing_what_is_whole_changes_nothing(uplinks: PrivateHost) -> None:
    status, document = playbook(uplinks, "--apply")
    assert (status, document["change_id"]) == (0, None)
    assert settings(uplinks) == ("0", "0")


def test_makes_it_permanent_and_takes_that_back_too(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    status, _ = playbook(uplinks, "--apply", "--persist")
    assert status == 0
    setting(uplinks, "eth0", "0")
    uplinks.run("sysctl", "-p", DROP_IN)
    assert settings(uplinks) == ("0", "2")
    assert finding(uplinks)["evidence"][-1]["value"] == f"kept: set by {DROP_IN}:2"

    setting(uplinks, "eth0", "2")
    playbook(uplinks, "--undo")
    assert uplinks.run("test", "-e", DROP_IN, check=False).returncode == 1
    assert settings(uplinks) == ("0", "1")


def test_can_be_made_permanent_after_it_was_healed(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    uplinks.write(DROP_IN, "net.ipv4.ip_forward = 1\n")
    playbook(uplinks, "--apply")
    status, _ = playbook(uplinks, "--persist")
    assert status == 0
    assert uplinks.read(DROP_IN) == "net.ipv4.ip_forward = 1\nnet.ipv4.conf.eth0.rp_filter = 2\n"
    playbook(uplinks, "--undo")
    assert uplinks.read(DROP_IN) == "net.ipv4.ip_forward = 1\n"
    assert settings(uplinks) == ("0", "2"), "only the later of the two is taken back"


def test_refuses_permanence_that_a_later_file_would_override(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    uplinks.write("/etc/sysctl.d/99-site.conf", "net.ipv4.conf.eth0.rp_filter = 1\n")
    done = uplinks.run(
        *("netconsole", "playbook", "run", "rp_filter", "--apply", "--persist"), check=False
    )
    assert done.returncode == 1
    assert "/etc/sysctl.d/99-site.conf:1 says 1" in done.stderr
    assert settings(uplinks) == ("0", "1"), "refused as a whole"


def test_without_a_way_back_it_offers_no_value(uplinks: PrivateHost) -> None:
    setting(uplinks, "eth0", "2")
    uplinks.run("ip", "route", "delete", "default")
    uplinks.run("ip", "route", "delete", "203.0.113.0/24")
    assert not answers(uplinks)
    found = finding(uplinks)
    assert (found["verdict"], found["fix"]) == ("fail", None)
    assert "add a route" in found["remedy"]


def test_asks_about_a_source_that_the_admin_names(uplinks: PrivateHost) -> None:
    setting(uplinks, "eth0", "1")
    uplinks.run("ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.1")
    assert finding(uplinks)["verdict"] == "ok"
    found = finding(uplinks, "--source", "192.0.2.7")
    assert found["verdict"] == "fail"
    assert "192.0.2.7 that comes in at eth0" in found["because"]
    done = uplinks.run("netconsole", "doctor", "--source", "here", check=False)
    assert done.returncode == 2


def test_an_interface_with_a_dot_in_its_name(uplinks: PrivateHost) -> None:
    uplinks.run("ip", "link", "set", "eth0", "down")
    uplinks.run("ip", "link", "set", "eth0", "name", "eth0.100")
    uplinks.run("ip", "link", "set", "eth0.100", "up")
    uplinks.run("ip", "route", "add", "default", "via", OUTSIDE)
    uplinks.run("ip", "route", "replace", f"{OUTSIDE}/32", "via", "198.51.100.1", "dev", "eth1")
    setting(uplinks, "eth0.100", "1")
    status, document = playbook(uplinks, "--apply", "--persist")
    assert status == 0, document
    assert document["applied"][0] == "sysctl -w net/ipv4/conf/eth0.100/rp_filter=2"
    assert uplinks.read("/proc/sys/net/ipv4/conf/eth0.100/rp_filter") == "2\n"
    setting(uplinks, "eth0.100", "0")
    uplinks.run("sysctl", "-p", DROP_IN)
    assert uplinks.read("/proc/sys/net/ipv4/conf/eth0.100/rp_filter") == "2\n"


def test_read_only_finds_it_and_refuses_to_heal(uplinks: PrivateHost) -> None:
    break_it(uplinks)
    command = ("netconsole", "--read-only", "playbook", "run", "rp_filter")
    assert uplinks.run(*command, check=False).returncode == 1
    refused = uplinks.run(*command, "--apply", check=False)
    assert refused.returncode == 3
    assert "read-only" in refused.stderr
    assert settings(uplinks) == ("0", "1")


def test_says_how_many_sources_it_did_not_ask_about(uplinks: PrivateHost) -> None:
    lines = (
        f"neighbour add 203.0.{net}.{node} lladdr 02:00:00:00:{net:02x}:{node:02x} dev eth0"
        for net in (114, 115)
        for node in range(1, 201)
    )
    uplinks.run("ip", "-batch", "-", input="\n".join(lines))
    assert row(finding(uplinks), "sources on eth0 not asked about") == "145"


def test_on_the_interface_of_the_ssh_session_it_is_taken_back_unless_confirmed(
    uplinks: PrivateHost,
) -> None:
    break_it(uplinks)
    session = {"SSH_CONNECTION": "198.51.100.9 50000 203.0.113.2 22"}
    command = ("netconsole", "playbook", "run", "rp_filter", "--apply")
    refused = uplinks.run(*command, check=False, environment=session)
    assert "eth0, which your SSH session came in on" in refused.stderr
    for answer, kept in (("no", "1"), ("yes", "2")):
        with Terminal(uplinks.entered(*command), environment=session) as terminal:
            terminal.wait_for("Type yes within")
            assert settings(uplinks) == ("0", "2")
            terminal.press(*answer, "enter")
            terminal.exit_status(30)
        assert settings(uplinks) == ("0", kept)

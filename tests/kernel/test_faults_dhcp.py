"""The faults of DHCP, DNS and dnsmasq, put through from break to cure and back."""

import pytest
from lab_faults import PROGRAMS, examined, put_through, run_playbook
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("dnsmasq_stopped", "dnsmasq_processes"),
        ("dnsmasq_pid_file", "dnsmasq_processes"),
        ("dhcp_hosts", "dhcp_hosts"),
        ("dhcp_firewall", "dhcp_firewall"),
        ("dhcp_firewall_input", "dhcp_firewall"),
        ("dhcp_checksum", "dhcp_checksum"),
        ("dhcp_nak", "dhcp_nak"),
        ("state_directory", "state_directory"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


@pytest.mark.requires("nft")
def test_a_firewall_that_iptables_does_not_show(lab: RunningLab) -> None:
    finding = put_through(lab, "dhcp_firewall_nft", "dhcp_firewall")
    assert "nft table inet host_guard" in finding["because"]
    ports = [" udp dport 67 ", " udp dport 53 ", " tcp dport 53 ", " tcp dport 8775 "]
    # From this bridge alone:
    assert all(port in line for port, line in zip(ports, finding["fix"], strict=True))


def test_a_dnsmasq_that_watches_another_directory_is_restarted(lab: RunningLab) -> None:
    put_through(lab, "inotify", "inotify", undone=False)


@pytest.mark.requires("tap")
def test_what_dnsmasq_did_not_hear_of_is_found_by_asking_it(lab: RunningLab) -> None:
    finding = put_through(lab, "dhcp_probe", "dhcp_probe", "--probe", undone=False)
    assert "web2" in finding["because"]


@pytest.mark.requires("tap", "ebtables")
def test_a_second_server_is_found_behind_its_port_and_silenced(lab: RunningLab) -> None:
    # ebtables makes its table for the first rule, and leaves it when that rule has gone.
    for change in ("-A", "-D"):
        lab.run("ebtables", change, "FORWARD", "-i", "none", "-j", "DROP")
    finding = put_through(lab, "dhcp_rogue", "dhcp_rogue", "--probe", beside=("guards",))
    assert "behind the port of db1, offers 192.168.77." in finding["because"]


def test_where_no_journal_has_it_the_file_of_rsyslog_tells_what_dnsmasq_said(
    lab: RunningLab,
) -> None:
    said = "not using configured address 10.0.0.9 because it is leased to fa:16:3e:00:00:99"
    pid = "$(cat /run/netconsole-lab/state/networks/*.pid)"
    line = f'"$(date -Iseconds) host dnsmasq-dhcp[{pid}]: {said}"'
    assert lab.run("ls", "/var/log").stdout == "", "logs of the machine"
    lab.run("sh", "-ec", f"echo {line} > /var/log/syslog")
    try:
        finding = examined(lab).findings["dhcp_hosts"]
    finally:
        lab.run("rm", "/var/log/syslog")
    assert finding["verdict"] == "info"
    assert "another client holds the lease" in finding["because"]


@pytest.mark.requires("tap")
@pytest.mark.parametrize("fault", ["dns", "clock", "dnsmasq_load"])
def test_what_no_plan_can_mend_is_named_alone_with_what_to_do(lab: RunningLab, fault: str) -> None:
    assert examined(lab, "--probe").named == []
    lab.netconsole("lab", "break", fault)
    try:
        found = examined(lab, "--probe")
        assert found.named == [fault], found.reasons
        assert found.findings[fault]["fix"] is None
        assert found.findings[fault]["remedy"]
    finally:
        lab.netconsole("lab", "mend", fault)
    # A dnsmasq that was asked too much has answers to give for a while yet.
    eventually(lambda: examined(lab, "--probe").named == [])


@pytest.mark.requires("tap")
@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("dnsmasq_stopped", "dnsmasq_processes"),
        ("dhcp_hosts", "dhcp_hosts"),
        ("dhcp_firewall", "dhcp_firewall"),
        ("gateway", "gateway"),
        ("stp", "stp"),
    ],
)
def test_a_probe_that_nobody_answers_leaves_the_cause_to_who_knows_it(
    lab: RunningLab, fault: str, check: str
) -> None:
    lab.netconsole("lab", "break", fault)
    try:
        assert examined(lab, "--probe").named == [check]
    finally:
        lab.netconsole("lab", "mend", fault)


@pytest.mark.requires("tap")
def test_a_probe_changes_no_lease_and_leaves_no_port_even_when_it_is_killed(
    lab: RunningLab,
) -> None:
    leases = "cat /run/netconsole-lab/state/networks/*.leases"
    before = lab.run("sh", "-c", leases).stdout
    # Nobody answers, so that the probe is still under way when it is killed.
    lab.run("pkill", "-STOP", "-x", "dnsmasq")
    try:
        probing = lab.spawn("netconsole", "doctor", "--probe", "--only", "dhcp_probe")
        eventually(lambda: "ncprobe" in lab.run("ip", "link").stdout)
        lab.run("sh", "-c", "kill -9 $(pgrep -f '[n]etconsole doctor --probe')")
        probing.communicate(timeout=60)
    finally:
        lab.run("pkill", "-CONT", "-x", "dnsmasq")
    eventually(lambda: "ncprobe" not in lab.run("ip", "link").stdout)
    assert examined(lab, "--probe").named == []
    assert "ncprobe" not in lab.run("ip", "link").stdout
    assert lab.run("sh", "-c", leases).stdout == before


@pytest.mark.requires("tap")
def test_a_program_of_this_host_that_answers_guests_is_named(lab: RunningLab) -> None:
    """Not a dnsmasq, and behind no port: there is no rule that would silence it alone."""
    lab.run("ip", "address", "add", "192.168.77.1/24", "dev", "br100")
    settings = "start 192.168.77.10\\nend 192.168.77.20\\ninterface br100\\npidfile /run/u.pid\\n"
    lab.run("sh", "-c", f"printf '{settings}lease_file /run/u' > /run/u.conf; touch /run/u")
    server = lab.spawn("busybox", "udhcpd", "-f", "-I", "192.168.77.1", "/run/u.conf")
    try:
        eventually(lambda: "busybox" in lab.run("ss", "-lunp", "sport = :67").stdout)
        found = examined(lab, "--probe", "--only", "dhcp_rogue").findings["dhcp_rogue"]
        assert (found["verdict"], found["fix"]) == ("fail", None)
        assert "busybox (" in found["because"]
    finally:
        lab.run("sh", "-c", "kill $(cat /run/u.pid)")
        server.communicate(timeout=60)
        lab.run("ip", "address", "delete", "192.168.77.1/24", "dev", "br100")


@pytest.mark.requires("tap", "nft")
def test_a_rule_with_a_condition_that_is_not_understood_is_named_where_a_request_meets_it(
    lab: RunningLab,
) -> None:
    rules = (
        "add table inet other; "
        "add chain inet other input { type filter hook input priority 0; }; "
        "add rule inet other input iifname br100 udp dport 67 udp length > 8 drop"
    )
    lab.run("nft", rules)
    try:
        found = examined(lab, "--probe")
        assert found.named == ["dhcp_firewall"]
        assert "inet other" in found.findings["dhcp_firewall"]["because"]
        assert found.findings["dhcp_probe"]["fix"] is None
    finally:
        lab.run("nft", "delete table inet other")


@pytest.mark.parametrize(("heal", "refused"), [(False, True), (True, False)])
def test_a_guest_whose_lease_was_lost_is_refused_unless_it_was_written_back(
    lab: RunningLab, heal: bool, refused: bool
) -> None:
    lab.netconsole("lab", "break", "dhcp_nak")
    try:
        if heal:
            assert run_playbook(lab, "dhcp_nak", "--apply")[0] == 0
        log = "/run/netconsole-lab/logs/web1"
        before = lab.run("cat", log).stdout
        lab.run("sh", "-c", "kill -USR1 $(pgrep -f 'udhcpc .*hostname:[w]eb1')")  # renew

        def told() -> str:
            return lab.run("cat", log).stdout.removeprefix(before)

        eventually(lambda: "obtained from 10.0.0.1" in told())
        assert ("NAK" in told()) is refused
    finally:
        lab.netconsole("lab", "mend", "dhcp_nak")


def test_another_dnsmasq_on_our_bridge_is_named_and_never_touched(lab: RunningLab) -> None:
    lab.run(
        *("dnsmasq", "--conf-file=", "--pid-file=/run/other.pid", "--port=0", "--interface=br100"),
        *("--except-interface=lo", "--bind-interfaces", "--dhcp-range=10.0.0.50,10.0.0.60"),
        *("--dhcp-leasefile=/run/libvirt/other.leases", "--leasefile-ro"),
    )
    try:
        found = examined(lab)
        assert found.named == ["dnsmasq_processes"]
        finding = found.findings["dnsmasq_processes"]
        assert "A dnsmasq of libvirt" in finding["because"]
        assert finding["fix"] is None
    finally:
        lab.run("sh", "-c", "kill $(cat /run/other.pid)")
    eventually(lambda: examined(lab).named == [])


def test_rules_that_ask_who_sends_are_named(lab: RunningLab) -> None:
    asked = ("--probe", "--only", "dns", "--only", "dhcp_firewall")
    for rule, check, said in (
        ("-m owner --uid-owner nobody -p udp --dport 53", "dns", "what the dnsmasq of"),
        ("-m owner --uid-owner root -p udp --sport 67", "dhcp_firewall", "DHCP answers to"),
        ("-m owner --uid-owner root -p tcp --sport 8775", "dhcp_firewall", "metadata service"),
    ):
        lab.run("sh", "-c", f"iptables -I OUTPUT {rule} -j DROP")
        try:
            found = examined(lab, *asked)
        finally:
            lab.run("sh", "-c", f"iptables -D OUTPUT {rule} -j DROP")
        assert found.named == [check]
        assert said in found.reasons[check]
        assert "-m owner --uid-owner" in found.reasons[check]
    lab.run("ip", "rule", "add", "uidrange", "65534-65534", "prohibit", "priority", "50")
    try:
        found = examined(lab, *asked)
    finally:
        lab.run("ip", "rule", "delete", "priority", "50")
    assert "`50: from all uidrange 65534-65534 prohibit` refuses" in found.reasons["dns"]
    assert examined(lab, *asked).named == []


def test_a_lease_file_that_is_not_the_one_written_is_named(lab: RunningLab) -> None:
    file = lab.run("sh", "-c", "echo /run/netconsole-lab/state/networks/*.leases").stdout.strip()
    lab.run("mv", file, f"{file}.moved")
    try:
        found = examined(lab, "--only", "state_directory")
    finally:
        lab.run("mv", f"{file}.moved", file)
    assert found.named == ["state_directory"]
    assert f"a file that is not {file} any more" in found.reasons["state_directory"]
    assert examined(lab, "--only", "state_directory").named == []


def test_a_full_file_system_of_the_lease_file_alone_is_named(lab: RunningLab) -> None:
    made = (
        "file=$(echo /run/netconsole-lab/state/networks/*.leases); mkdir /run/full; "
        "mount -t tmpfs -o size=64k full /run/full; cp $file /run/full/leases; "
        "mount --bind /run/full/leases $file; head -c 60k /dev/zero >/run/full/fill"
    )
    gone = "umount /run/netconsole-lab/state/networks/*.leases; umount /run/full; rmdir /run/full"
    lab.run("sh", "-ec", made)
    try:
        found = examined(lab, "--only", "state_directory")
    finally:
        lab.run("sh", "-ec", gone)
    assert "has no space left" in found.reasons["state_directory"]
    assert examined(lab, "--only", "state_directory").named == []


def test_a_closed_options_file_is_one_finding_and_has_a_cure(lab: RunningLab) -> None:
    lab.run("sh", "-ec", "chmod 000 /run/netconsole-lab/state/networks/*.opts")
    found = examined(lab)
    assert found.named == ["dnsmasq_processes"], found.reasons
    assert "may not read" in found.reasons["dnsmasq_processes"]
    run_playbook(lab, "dnsmasq_processes", "--apply")
    assert examined(lab).named == []


def test_a_real_server_in_a_guest_is_named_by_its_port_at_the_first_question(
    lab: RunningLab,
) -> None:
    """A dnsmasq pings an address for three seconds before it offers it. While the guard of its port
    holds it off, it is told of, and no fault."""
    server = (
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root"),
        *("--interface=eth0", "--bind-interfaces", "--dhcp-range=10.0.0.50,10.0.0.60"),
        *("--pid-file=", "--dhcp-leasefile=/run/rogue.leases"),
    )
    rogue = lab.spawn("netconsole", "lab", "exec", "web2", "--", *server)
    listening = ("sh", "-c", "nsenter -t $(cat /run/netconsole-lab/members/web2) -n ss -lun")
    try:
        eventually(lambda: "eth0:67" in lab.run(*listening).stdout)
        guarded = examined(lab, "--probe", "--only", "dhcp_rogue")
        lab.run("nft", "delete", "table", "netdev", "netconsole")
        found = examined(lab, "--probe", "--only", "dhcp_rogue")
    finally:
        rogue.kill()
        rogue.communicate()
        lab.netconsole("apply")
    assert guarded.named == []
    assert "web2 serves DHCP" in guarded.findings["dhcp_rogue"]["because"]
    assert found.named == ["dhcp_rogue"]
    assert "behind the port of web2" in found.reasons["dhcp_rogue"]
    assert examined(lab).named == []

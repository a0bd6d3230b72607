"""Both kinds of tables on one host: ours follow `iptables`, and others' stay what they are."""

from cloud import answer, create_network, netconsole
from private_host import PrivateHost


def _switch(host: PrivateHost, kind: str) -> None:
    """What `update-alternatives --set iptables` does."""
    for program in ("iptables", "iptables-save", "iptables-restore"):
        name = program.replace("iptables", f"iptables-{kind}")
        host.run("ln", "-sf", f"/usr/sbin/{name}", f"/etc/alternatives/{program}")


def _saved(host: PrivateHost, kind: str) -> str:
    return host.run(f"iptables-{kind}-save").stdout


def _state(findings: str, host: PrivateHost) -> str:
    told = host.run("netconsole", "doctor", "--only", findings, check=False)
    return told.stdout


def test_ours_move_when_iptables_is_switched_and_others_stay(host: PrivateHost) -> None:
    _switch(host, "legacy")
    create_network(host)
    theirs = "-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE"
    host.run("iptables", "-t", "nat", *theirs.split())
    host.run("iptables", "-A", "FORWARD", "-o", "virbr0", "-j", "REJECT")
    before = _saved(host, "legacy")
    assert "nova-network-snat" in before

    _switch(host, "nft")
    # Where no iptables-legacy is installed the tables are read all the same, and left alone.
    host.write("/run/hidden", "")
    host.run("mount", "--bind", "/run/hidden", "/usr/sbin/iptables-legacy-save")
    shown = [each for each in answer(host, "status")["nat"] if each["legacy"]]
    assert [each["rule"] for each in shown if each["origin"] == "foreign"] == [
        theirs.removeprefix("-A POSTROUTING ")
    ]
    assert any(each["origin"] == "ours" for each in shown)
    assert "legacy" not in host.run("netconsole", "plan", check=False).stdout
    host.run("umount", "/usr/sbin/iptables-legacy-save")

    # Without the program that could take ours away nothing of it is planned, and a line says so.
    path = "/run/sbin"
    host.run("cp", "-a", "/usr/sbin", path)
    host.run("rm", f"{path}/iptables-legacy-restore")
    host.run("mount", "--bind", path, "/usr/sbin")
    assert "legacy" not in host.run("netconsole", "plan", check=False).stdout
    said = host.run("netconsole", "status", check=False).stdout
    assert "rules of ours are left in tables of iptables-legacy" in said
    assert "install iptables-legacy (Debian: iptables), then apply" in said
    host.run("umount", "/usr/sbin")
    assert "install" not in host.run("netconsole", "status", check=False).stdout

    planned = host.run("netconsole", "plan", check=False).stdout
    assert "iptables-legacy -t nat -X nova-network-snat" in planned
    told = host.run("netconsole", "doctor", "--only", "legacy_filter", check=False).stdout
    assert "left in the legacy kind" in told
    netconsole(host, "apply")
    assert netconsole(host, "plan") == ""
    left = _saved(host, "legacy")
    assert "nova-" not in left
    assert theirs in left
    assert "-o virbr0 -j REJECT" in left
    assert "nova-network-snat" in _saved(host, "nft")

    # And back.
    _switch(host, "legacy")
    netconsole(host, "apply")
    assert "nova-" not in _saved(host, "nft")
    assert "nova-network-snat" in _saved(host, "legacy")
    assert answer(host, "status")["host"]["unreadable"] == {}


def test_the_cure_takes_away_what_drops_guests_and_nothing_else(host: PrivateHost) -> None:
    create_network(host)
    for rule in (("-o", "virbr0", "-j", "REJECT"), ("-i", "br100", "-j", "DROP")):
        host.run("iptables-legacy", "-A", "FORWARD", *rule)
    host.run("netconsole", "playbook", "run", "legacy_filter", "--apply", check=False)
    left = _saved(host, "legacy")
    assert "-i br100 -j DROP" not in left
    assert "-A FORWARD -o virbr0 -j REJECT" in left
    assert "nova-network-FORWARD" in _saved(host, "nft")

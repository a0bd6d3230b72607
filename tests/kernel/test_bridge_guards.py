"""Guards by ebtables of the kind nft, on a host without the program nft."""

import json
from collections.abc import Iterator

import pytest
from bridge_lies import shows_what_ebtables_stops
from cloud import answer, boot, configure, netconsole
from counted_session import CountedSession
from guest_frames import device, furnish
from private_host import PrivateHost


@pytest.fixture(scope="module")
def host() -> Iterator[PrivateHost]:
    """A host with three guests, as in test_guards."""
    with PrivateHost() as made:
        nft = made.run("sh", "-c", "command -v nft").stdout.strip()
        made.run("mount", "--bind", "/dev/null", nft)
        furnish(made)
        yield made


def states(host: PrivateHost) -> dict[str, str]:
    return {one["instance"]: one["state"] for one in answer(host, "guards")["ports"]}


def test_what_ebtables_cannot_stop_is_named_and_all_else_is_stopped(host: PrivateHost) -> None:
    shows_what_ebtables_stops(host)


@pytest.mark.parametrize(
    ("damage", "state"),
    [
        ("ebtables -t nat -F", "different"),
        ("ebtables -t nat -D PREROUTING -j nova-network-guards", "different"),
        ("ebtables -t nat -I nova-network-PORT -j ACCEPT", "different"),
        ("ip link set dev PORT type bridge_slave group_fwd_mask 0", "on"),
    ],
)
def test_what_somebody_changed_is_drift_and_put_right(
    host: PrivateHost, damage: str, state: str
) -> None:
    host.run(*damage.replace("PORT", device(host, "liar")).split())

    assert states(host)["liar"] == state
    examined = host.run("netconsole", "doctor", "--only", "guards", "--json", check=False)
    assert json.loads(examined.stdout)["findings"][0]["verdict"] == "fail"
    netconsole(host, "apply")

    assert states(host)["liar"] == "on"
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_what_is_asked_before_the_guards_is_told_and_our_jump_moves_before_it(
    host: PrivateHost,
) -> None:
    port, nobody = device(host, "liar"), "02:00:00:00:00:99"
    checked = ("netconsole", "doctor", "--only", "guards", "--json")
    for words in ("-i veth77 -j ACCEPT", f"-s {nobody} -j ACCEPT", "-j ACCEPT"):
        host.run("ebtables", "-t", "nat", "-I", "PREROUTING", *words.split())
    try:
        told = "rule 1 of PREROUTING (ebtables table nat) takes all frames before the guards do"
        assert f"wrong: {told}: `-j ACCEPT`; 1 rule more" in host.run("netconsole", "status").stdout
        (finding,) = json.loads(host.run(*checked, check=False).stdout)["findings"]
        assert finding["verdict"] == "fail"
        assert host.run("netconsole", "plan", check=False).stdout == ""
        healed = netconsole(host, "playbook", "run", "guards", "--apply")
        assert "Healed; what remains, and no cure here takes away:" in healed
        assert "Not every lie of a guest is stopped" in healed
        assert "takes all frames" not in host.run("netconsole", "status").stdout
        asked = host.run("ebtables", "-t", "nat", "-L", "PREROUTING").stdout
        assert asked.index("nova-network-guards") < asked.index("-j ACCEPT")
        host.run("ebtables", "-t", "nat", "-I", "PREROUTING", "-i", port, "-j", "ACCEPT")
        (finding,) = json.loads(host.run(*checked, check=False).stdout)["findings"]
        assert (finding["verdict"], finding["confidence"]) == ("warn", "possible")
        assert "-I PREROUTING 1 -j nova-network-guards" in finding["remedy"]
    finally:
        for words in ("-i veth77", f"-s {nobody}", "", f"-i {port}"):
            rule = (*words.split(), "-j", "ACCEPT")
            host.run("ebtables", "-t", "nat", "-D", "PREROUTING", *rule, check=False)


def test_guards_follow_their_instances(host: PrivateHost) -> None:
    port = device(host, "liar")
    allowed = "-p IPv4 --ip-src 10.9.0.0/24 -j RETURN"
    netconsole(host, "instance", "allow-address", "liar", "10.9.0.0/24")
    assert allowed in host.run("ebtables-save").stdout
    netconsole(host, "instance", "disallow-address", "liar", "10.9.0.0/24")
    assert allowed not in host.run("ebtables-save").stdout

    netconsole(host, "instance", "unguard", "liar")
    assert port not in host.run("ebtables-save").stdout
    assert states(host)["liar"] == "off"
    netconsole(host, "instance", "guard", "liar")
    assert states(host)["liar"] == "on"

    configure(host, "guard = False")
    netconsole(host, "apply")
    assert set(states(host).values()) == {"off"}
    assert "nova-network" not in host.run("ebtables-save").stdout
    assert "group_fwd_mask 0xfffd" not in host.run("ip", "-d", "link", "show", port).stdout
    configure(host)
    netconsole(host, "apply")
    assert set(states(host).values()) == {"on"}

    for name in ("liar", "other", "machine"):
        netconsole(host, "instance", "delete", name)
    assert "nova-network" not in host.run("ebtables-save").stdout
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_a_further_port_is_looked_at_alone(host: PrivateHost) -> None:
    for name in states(host):
        netconsole(host, "instance", "delete", name)
    boot(host, "first")
    session = CountedSession(host)

    def changes(kind: str, **fields: object) -> bool:
        """Whether a change is about the whole host; it leaves nothing to do."""
        told = session.change(kind, **fields)
        assert answer(host, "plan")["steps"] == []
        return told.is_whole

    assert not changes("CreateInstance", name="second", project="demo")
    assert set(states(host).values()) == {"on"}
    assert not changes("DeleteInstance", instance="second")
    host.run("ebtables", "-t", "nat", "-F", "nova-network-llc")
    assert changes("CreateInstance", name="second", project="demo")
    assert not changes("DeleteInstance", instance="first")
    assert states(host) == {"second": "on"}
    assert changes("DeleteInstance", instance="second")
    assert "nova-network" not in host.run("ebtables-save").stdout

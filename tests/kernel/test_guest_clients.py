"""Programs of guests are answered what they need, as they ask for it."""

import json

import guest_programs
import pytest
from cloud import FLOATING, answer, create_cloud, netconsole
from guest_asking import METADATA, Answered, ask, serve, stop
from guest_clients import CLIENTS, TOKEN, WITH_TOKENS, Exchange
from guest_programs import AMAZON_UTILS, CLOUD_UTILS, IGNITION
from guest_samples import PUBLIC_KEY
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

IGNITION_CONFIGURATION = (
    '{"ignition": {"version": "3.0.0"}, "passwd": {"users": [{"name": "core"}]}}'
)


@pytest.fixture
def guest(host: PrivateHost) -> dict[str, str]:
    """A host with a guest, web1, that is told all there is; what differs from guest to guest,
    by the names that `CLIENTS` has for it."""
    fixed = create_cloud(host)
    host.write("/run/id.pub", f"{PUBLIC_KEY}\n")
    host.write("/run/motd", "hello\n")
    host.write("/run/user_data", IGNITION_CONFIGURATION)
    netconsole(
        *(host, "instance", "set", "web1", "--user-data", "/run/user_data"),
        *("--key", "mykey=/run/id.pub", "--meta", "role=web", "--file", "/etc/motd=/run/motd"),
        *("--flavor", "m1.small", "--availability-zone", "west", "--image", "ami-0000002a"),
    )
    instance = answer(host, "instance", "show", "web1")["instance"]
    return {
        "{uuid}": instance["uuid"],
        "{ec2_id}": f"i-{instance['id']:08x}",
        "{fixed}": fixed,
        "{floating}": FLOATING,
        "{user_data}": IGNITION_CONFIGURATION,
    }


def replay(host: PrivateHost, exchanges: tuple[Exchange, ...]) -> list[tuple[Exchange, Answered]]:
    """Make a program's requests in their order, with its token once it has one."""
    done = []
    token: tuple[str, ...] = ()
    for exchange in exchanges:
        found = ask(host, "web1", exchange.path, *token, *exchange.options)
        if exchange.is_token:
            token = ("-H", f"{TOKEN}: {found.body}")
        done.append((exchange, found))
    return done


def inside(host: PrivateHost, *command: str) -> str:
    return host.run("ip", "netns", "exec", "web1", *command).stdout


def test_they_are_answered_what_they_need(host: PrivateHost, guest: dict[str, str]) -> None:
    service = serve(host)
    for client, exchanges in CLIENTS.items():
        for exchange, found in replay(host, exchanges):
            which = f"{client}: {exchange.path}"
            assert found.status == exchange.status, which
            if exchange.body is not None:
                assert found.body == guest.get(exchange.body, exchange.body), which
            for name, value in exchange.told.items():
                assert found.json[name] == guest.get(str(value), value), which
    stop(host, service)


def test_where_tokens_are_required_who_asks_for_one_is_answered_the_same(
    host: PrivateHost, guest: dict[str, str]
) -> None:
    configuration = host.read("/etc/netconsole/netconsole.conf")
    host.write("/etc/netconsole/netconsole.conf", f"{configuration}metadata_tokens = required\n")
    service = serve(host)
    for client, exchanges in CLIENTS.items():
        for exchange, found in replay(host, exchanges):
            expected = exchange.status if client in WITH_TOKENS else 401
            assert found.status == expected, f"{client}: {exchange.path}"
    stop(host, service)


@pytest.mark.requires("guest programs")
@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_debians_programs_print_it(host: PrivateHost, guest: dict[str, str], tokens: str) -> None:
    configuration = host.read("/etc/netconsole/netconsole.conf")
    host.write("/etc/netconsole/netconsole.conf", f"{configuration}metadata_tokens = {tokens}\n")
    service = serve(host)
    cloud_utils = inside(host, "/usr/bin/python3", guest_programs.program(CLOUD_UTILS))
    expected = {
        "ami-id": "ami-0000002a",
        "availability-zone": "west",
        "instance-id": guest["{ec2_id}"],
        "instance-type": "m1.small",
        "local-hostname": "web1.novalocal",
        "local-ipv4": guest["{fixed}"],
        "public-ipv4": FLOATING,
        "security-groups": "default",
        "public-keys": str([PUBLIC_KEY]),
        "user-data": str(IGNITION_CONFIGURATION.encode()),
        "region": "unavailable",
    }
    told = dict(line.split(": ", 1) for line in cloud_utils.splitlines())
    assert told | expected == told
    amazon_utils = inside(host, guest_programs.program(AMAZON_UTILS))
    lines = [line.strip() for line in amazon_utils.splitlines()]
    for line in (
        *(f"{name}: {expected[name]}" for name in ("ami-id", "instance-id", "public-ipv4")),
        *("placement: west", "ami: vda", "keyname:mykey", "format:openssh-key", PUBLIC_KEY),
        *(f"user-data: {IGNITION_CONFIGURATION}", "product-codes: not available"),
    ):
        assert line in lines
    stop(host, service)


@pytest.mark.requires("guest programs")
def test_ignition_takes_its_configuration(host: PrivateHost, guest: dict[str, str]) -> None:
    service = serve(host)
    words = ("--platform", "openstack", "--stage", "fetch", "--log-to-stdout")
    inside(host, guest_programs.program(IGNITION), *words, "--config-cache", "/run/ignition.json")
    taken = json.loads(host.read("/run/ignition.json"))
    assert [each["name"] for each in taken["passwd"]["users"]] == ["core"]
    stop(host, service)


@pytest.mark.requires("wget", "busybox")
def test_what_is_at_hand_gets_every_byte(host: PrivateHost, guest: dict[str, str]) -> None:
    service = serve(host)
    for program in (("curl", "-sf"), ("wget", "-qO-"), ("busybox", "wget", "-qO-")):
        for path in ("openstack/latest/user_data", "latest/user-data", "2009-04-04/user-data/"):
            assert inside(host, *program, f"{METADATA}/{path}") == IGNITION_CONFIGURATION, program
    stop(host, service)

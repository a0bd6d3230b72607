"""The metadata service: who is answered what, over real sockets of real guests."""

import json

import pytest
from cloud import FLOATING, boot, configure, create_cloud, create_network, netconsole
from guest_asking import METADATA, ask, serve, stop
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")


def test_a_guest_is_told_its_own_and_nobody_else_anything(host: PrivateHost) -> None:
    fixed = create_cloud(host)
    boot(host, "db1", project="other")
    service = serve(host)
    web1 = ask(host, "web1", "/openstack/latest/meta_data.json")
    assert web1.status == 200
    assert web1.json["name"] == "web1"
    assert "Content-Type: application/json" in web1.headers
    assert ask(host, "db1", "/openstack/latest/meta_data.json").json["name"] == "db1"
    assert ask(host, "web1", "/latest/meta-data/local-ipv4").body == fixed, "by its fixed address"
    assert ask(host, "web1", "/latest/meta-data/public-ipv4").body == FLOATING
    for own in ("http://203.0.113.2:8775", "http://10.0.0.1:8775"):
        assert ask(host, "web1", "/latest/meta-data/local-ipv4", at=own).body == fixed
        assert ask(host, None, "/", at=own).status in (0, 404), "the host itself is no guest"
    for address in ("203.0.113.2", FLOATING, "10.0.0.1", "169.254.169.254"):
        host.outside("ip", "route", "replace", address, "via", "203.0.113.2")
        for port in ("80", "8775"):
            url = f"http://{address}:{port}/openstack"
            done = host.outside("curl", "-sS", "-m", "2", url, check=False)
            assert done.stdout == "", url
    assert "203.0.113.1" not in stop(host, service)


def test_answers_follow_the_store_at_once(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    url = "/latest/meta-data/public-ipv4"
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    for _ in range(5):
        assert ask(host, "web1", url).body == ""
        netconsole(host, "floating", "associate", FLOATING, "web1")
        assert ask(host, "web1", url).body == FLOATING
        netconsole(host, "floating", "disassociate", FLOATING)
    seeds = {
        ask(host, "web1", "/openstack/latest/meta_data.json").json["random_seed"] for _ in "12"
    }
    assert len(seeds) == 2
    stop(host, service)


@pytest.mark.parametrize("guarded", [True, False])
def test_who_takes_anothers_address_gets_nothing(host: PrivateHost, guarded: bool) -> None:
    create_network(host, *(() if guarded else ("guard = False",)))
    victim = boot(host, "web1")
    boot(host, "thief")
    service = serve(host)
    assert ask(host, "web1", "/latest/meta-data/hostname").body.startswith("web1")
    host.run("ip", "-n", "web1", "link", "set", "dev", "eth0", "down")
    mac = json.loads(host.run("ip", "-n", "web1", "-json", "link", "show", "eth0").stdout)[0]
    for stolen in ([], [mac["address"]]):
        for address in stolen:
            host.run("ip", "-n", "thief", "link", "set", "dev", "eth0", "address", address)
        host.run("ip", "-n", "thief", "address", "replace", f"{victim}/24", "dev", "eth0")
        host.run(
            "ip", "-n", "thief", "route", "replace", "default", "via", "10.0.0.1", "src", victim
        )
        host.run("ip", "neighbour", "flush", "dev", "br100")
        got = ask(host, "thief", "/latest/meta-data/hostname", "-m", "3", "--interface", victim)
        assert got.status == (0 if guarded else 404), got
    said = stop(host, service)
    if not guarded:
        assert f"{victim} is web1's, and asked for its metadata" in said
        assert "of thief" in said
    else:
        assert "asked for its metadata" not in said


def test_a_guest_that_uses_anothers_address_beside_its_own_is_known_by_its_own(
    host: PrivateHost,
) -> None:
    create_network(host)
    own = boot(host, "web1")
    service = serve(host)
    for header in ("X-Forwarded-For: 10.0.0.99", "X-Instance-ID: 1", f"X-Real-IP: {own}"):
        found = ask(host, "web1", "/latest/meta-data/local-ipv4", "-H", header)
        assert (found.status, found.body) == (200, own)
    said = stop(host, service)
    assert "X-Forwarded-For: ignored, as the option use_forwarded_for is off" in said
    assert "service_metadata_proxy is off" in said


def test_a_redirected_request_is_answered_at_the_bridge_alone(host: PrivateHost) -> None:
    create_network(host, "metadata_host = 127.0.0.1")
    boot(host, "web1")
    service = serve(host)
    assert ask(host, "web1", "/latest/meta-data/hostname").body.startswith("web1")
    listening = host.run("ss", "-ltnH", "sport", "=", "8775").stdout.split()
    assert [each for each in listening if each.endswith(":8775")] == ["0.0.0.0%br100:8775"]
    assert host.outside("curl", "-m2", "http://203.0.113.2:8775/", check=False).returncode == 7
    stop(host, service)


def test_where_the_rule_leads_elsewhere_nobody_listens(host: PrivateHost) -> None:
    create_network(host, "metadata_host = 203.0.113.1")
    service = host.spawn("netconsole", "metadata", "serve")
    assert service.stderr is not None
    assert service.stderr.readline() == "metadata is served at no bridge yet\n"
    assert ":8775" not in host.run("ss", "-ltnH").stdout
    stop(host, service)


def test_bridges_that_come_and_go_are_listened_at(host: PrivateHost) -> None:
    configure(host)
    service = host.spawn("netconsole", "metadata", "serve")
    for _ in range(2):
        create_network(host)
        boot(host, "web1")
        eventually(lambda: ask(host, "web1", "/latest/meta-data/hostname").body[:4] == "web1")
        netconsole(host, "instance", "delete", "web1")
        host.run("ip", "netns", "del", "web1")
        netconsole(host, "network", "delete", "vmnet")
        eventually(lambda: ":8775" not in host.run("ss", "-ltnH").stdout)
    stop(host, service)


def test_a_port_that_is_taken_is_said_in_a_line(host: PrivateHost) -> None:
    create_network(host)
    service = serve(host)
    second = host.run("netconsole", "metadata", "serve", check=False)
    assert (second.returncode, second.stdout) == (1, "")
    (line,) = second.stderr.splitlines()
    assert "metadata_listen_port 8775: another program listens at br100 already" in line
    stop(host, service)


def test_requests_as_clients_write_them(host: PrivateHost) -> None:
    create_network(host)
    own = boot(host, "web1")
    service = serve(host)
    for target in (
        "/latest/meta-data/local-ipv4",
        "/latest/meta-data/local-ipv4/",
        "//latest//meta-data/./local-ipv4",
        "/ec2/latest/meta-data/local-ipv4?x=1",
        "/latest/user-data/../meta-data/local-ipv4",
        "/latest/%6deta-data/local%2dipv4",
        "/%2e%2e/latest/meta-data/local-ipv4",
    ):
        assert ask(host, "web1", target).body == own, target
    for more in (["-0"], ["-0", "-H", "Host:"], ["-x", f"{METADATA}:80"], ["-H", "Host: [::1]:x"]):
        assert ask(host, "web1", "/latest/meta-data/local-ipv4", *more).body == own, more
    for target in (
        "/nothing",
        "/latest/meta-data/ami-id/foo",
        "/%00",
        "/openstack/content",
        "/%ff",
    ):
        found = ask(host, "web1", target)
        assert (found.status, found.body) == (404, "404 not found\n"), target
    head = ask(host, "web1", "/latest/meta-data/local-ipv4", "-I")
    assert (head.status, f"Content-Length: {len(own)}" in head.headers) == (200, True)
    for method in ("DELETE", "PUT", "POST", "PATCH", "OPTIONS", "QUERY"):
        found = ask(host, "web1", "/latest/meta-data/local-ipv4", "-X", method)
        assert (found.status, "Allow: GET, HEAD\n" in found.headers) == (405, True), method
    got = host.run(
        "ip", "netns", "exec", "web1", "busybox", "wget", "-qO-", f"{METADATA}/openstack"
    )
    assert got.stdout.splitlines()[0] == "2012-08-10"
    assert "unforeseen" not in stop(host, service)


def test_a_password_is_kept_once(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    service = serve(host)
    url = "/openstack/2013-04-04/password"
    assert (ask(host, "web1", url).status, ask(host, "web1", url).body) == (200, "")
    assert ask(host, "web1", url, "--data-binary", "x" * 1021).status == 400
    assert ask(host, "web1", "/openstack/2012-08-10/password", "--data-binary", "x").status == 404
    posted = ask(host, "web1", url, "--data-binary", "x" * 1020, "-H", "Expect: 100-continue")
    assert posted.status == 200, posted
    assert ask(host, "web1", url).body == "x" * 1020
    assert ask(host, "web1", url, "--data-binary", "another").status == 409
    allowed = ask(host, "web1", url, "-X", "DELETE")
    assert (allowed.status, "Allow: GET, HEAD, POST\n" in allowed.headers) == (405, True)
    stop(host, service)


def test_a_token_is_asked_for_where_it_is_required(host: PrivateHost) -> None:
    create_network(host, "metadata_tokens = required")
    boot(host, "web1")
    boot(host, "web2")
    service = serve(host)
    url, put = "/latest/meta-data/hostname", "/latest/api/token"
    lifetime = "X-aws-ec2-metadata-token-ttl-seconds"
    assert ask(host, "web1", url).status == 401
    for more in ((), ("-H", f"{lifetime}: 21601"), ("-H", f"{lifetime}: x")):
        assert ask(host, "web1", put, "-X", "PUT", *more).status == 400, more
    good = ("-X", "PUT", "-H", f"{lifetime}: 60")
    assert ask(host, "web1", put, *good, "-H", "X-Forwarded-For: 10.0.0.9").status == 403
    given = ask(host, "web1", put, *good)
    assert (given.status, f"{lifetime}: 60" in given.headers) == (200, True)
    header = ("-H", f"X-aws-ec2-metadata-token: {given.body}")
    assert ask(host, "web1", url, *header).status == 200
    assert ask(host, "web2", url, *header).status == 401, "it is web1's"
    assert ask(host, "web1", url, "-H", "X-aws-ec2-metadata-token: x").status == 401
    stop(host, service)

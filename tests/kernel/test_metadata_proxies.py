"""Metadata for guests that ask by a proxy, or from another host, and data of vendors."""

import hashlib
import hmac
import json

import pytest
from cloud import answer, boot, configure, create_network, netconsole
from guest_asking import ask, serve, stop
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "curl", "udhcpc", "dnsmasq")

AT = "http://203.0.113.2:8775"
HOSTNAME = "/latest/meta-data/hostname"
LISTENING = "metadata_listen = 203.0.113.2"


def from_outside(host: PrivateHost, target: str, *more: str) -> tuple[int, str]:
    """The status and body that the world outside is answered."""
    command = ("curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *more, f"{AT}{target}")
    body, _, status = host.outside(*command, check=False).stdout.rpartition("\n")
    return int(status), body


def test_only_a_configured_proxy_says_for_whom_it_asks(host: PrivateHost) -> None:
    proxy = ("use_forwarded_for = True", "metadata_proxies = 203.0.113.1")
    create_network(host, LISTENING, *proxy)
    own = boot(host, "web1")
    other = boot(host, "web2")
    service = serve(host)
    assert from_outside(host, HOSTNAME)[0] == 404
    assert from_outside(host, HOSTNAME, "-H", f"X-Forwarded-For: {own}")[1][:4] == "web1"
    chain = ("-H", f"X-Forwarded-For: {other}, {own}")
    assert from_outside(host, HOSTNAME, *chain)[1][:4] == "web1", "the proxy's own word"
    for unknown in ("10.0.0.200", "203.0.113.9", "10.0.0.1", "web1", ""):
        header = ("-H", f"X-Forwarded-For: {unknown}")
        assert from_outside(host, HOSTNAME, *header)[0] == 404, unknown
    lied = ask(host, "web2", HOSTNAME, "-H", f"X-Forwarded-For: {own}")
    assert lied.body[:4] == "web2", "a guest is no proxy"
    assert f"{other} sends X-Forwarded-For: ignored, as it is none of" in stop(host, service)


def test_a_signed_request_is_for_the_instance_that_it_names(host: PrivateHost) -> None:
    create_network(host, LISTENING)
    boot(host, "web1")
    text = host.read("/etc/netconsole/netconsole.conf")
    lines = "[neutron]\nservice_metadata_proxy = True\nmetadata_proxy_shared_secret = between us\n"
    host.write("/etc/netconsole/netconsole.conf", f"{text}\n{lines}")
    shown = host.run("netconsole", "config", "show").stdout
    assert "between us" not in shown
    assert "metadata_proxy_shared_secret" in shown
    uuid = answer(host, "instance", "show", "web1")["instance"]["uuid"]
    service = serve(host)

    def asked(**changed: str) -> tuple[int, str]:
        signature = hmac.new(b"between us", uuid.encode(), hashlib.sha256).hexdigest()
        given = {
            "X-Instance-ID": uuid,
            "X-Tenant-ID": "demo",
            "X-Instance-ID-Signature": signature,
            "X-Forwarded-For": "10.0.0.2",
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        headers = [word for name, value in given.items() for word in ("-H", f"{name}: {value}")]
        return from_outside(host, HOSTNAME, *headers)

    assert asked()[1][:4] == "web1"
    assert asked(X_Instance_ID_Signature="0" * 64)[0] == 403
    assert asked(X_Instance_ID="another")[0] == 403
    assert asked(X_Tenant_ID="other")[0] == 404
    assert asked(X_Forwarded_For="")[0] == 400
    assert ask(host, "web1", HOSTNAME).status == 400, "who is no proxy"
    assert "between us" not in stop(host, service)


def test_guests_of_another_host_are_known_by_their_address(host: PrivateHost) -> None:
    configure(host, "host = elsewhere", LISTENING)
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    host.run("ip", "link", "del", "br100")
    configure(host, "host = testhost", LISTENING)
    host.outside("ip", "address", "add", "10.0.0.2/32", "dev", "lo")
    host.run("ip", "route", "replace", "10.0.0.0/24", "via", "203.0.113.1")
    service = serve(host)
    assert from_outside(host, HOSTNAME)[0] == 404
    assert from_outside(host, HOSTNAME, "--interface", "10.0.0.2")[1][:4] == "web1"
    stop(host, service)


VENDOR = """
import http.server, json
class Vendor(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"for": asked["hostname"], "of": asked["project-id"]}).encode()
        self.send_response(200 if self.path == "/good" else 500)
        self.end_headers()
        self.wfile.write(body if self.path == "/good" else b"{}")
    def log_message(self, *more): pass
server = http.server.HTTPServer(("203.0.113.1", 9999), Vendor)
print("here", flush=True)
server.serve_forever()
"""


def test_vendors_tell_guests_by_a_file_and_by_services(host: PrivateHost) -> None:
    vendor = host.spawn("ip", "netns", "exec", "outside", "python3", "-c", VENDOR)
    assert vendor.stdout is not None
    assert vendor.stdout.readline() == "here\n"
    host.write("/etc/netconsole/vendor.json", json.dumps({"mirror": "http://192.0.2.1"}))
    at = "http://203.0.113.1:9999"
    lines = (
        "vendordata_jsonfile_path = /etc/netconsole/vendor.json",
        f"vendordata_dynamic_targets = good@{at}/good,bad@{at}/bad,gone@http://203.0.113.1:9998/",
    )
    create_network(host, *lines)
    boot(host, "web1")
    service = serve(host)
    assert ask(host, "web1", "/openstack/latest/vendor_data.json").json == {
        "mirror": "http://192.0.2.1"
    }
    assert ask(host, "web1", "/openstack/latest/vendor_data2.json").json == {
        "static": {"mirror": "http://192.0.2.1"},
        "good": {"for": "web1.novalocal", "of": "demo"},
        "bad": {},
        "gone": {},
    }
    said = stop(host, service)
    assert "vendordata_dynamic_targets bad: HTTP status 500" in said
    configure(host, *lines, "vendordata_dynamic_failure_fatal = True")
    service = serve(host)
    assert ask(host, "web1", "/openstack/latest/vendor_data2.json").status == 503
    assert ask(host, "web1", "/openstack/latest/vendor_data.json").status == 200
    stop(host, service)

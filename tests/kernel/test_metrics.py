"""The metrics of an agent at work, scraped as Prometheus does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import FLOATING, boot, configure, create_cloud, dropped_frames, netconsole, reaches
from guest_asking import ask
from private_host import PrivateHost, eventually
from promtool import promtool

ALERTS = Path(__file__).parents[2] / "docs" / "monitoring" / "alerts.yml"
LISTEN = "127.0.0.1:9555"


@pytest.fixture
def told(host: PrivateHost) -> Iterator[PrivateHost]:
    """A host with a cloud, whose agent tells its figures."""
    create_cloud(host)
    configure(host, f"metrics_listen = {LISTEN}", "repair_drift = never")
    host.spawn("netconsole", "agent")
    eventually(lambda: 'netconsole_finding{check="drift",verdict="ok"} 1.0' in scraped(host))
    yield host
    host.run("pkill", "-f", "netconsole agent")


def scraped(host: PrivateHost) -> str:
    asked = ("curl", "--silent", "--fail", f"http://{LISTEN}/metrics")
    return host.run(*asked, check=False).stdout


def value(host: PrivateHost, sample: str) -> float | None:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", scraped(host), re.MULTILINE)
    return None if found is None else float(found[1])


def test_what_happens_on_the_host_is_in_the_figures(told: PrivateHost) -> None:
    host = told
    assert value(host, 'netconsole_drift_steps{kind="addresses"}') == 0
    assert value(host, 'netconsole_network_leased_addresses{network="vmnet"}') == 1

    seen = value(host, "netconsole_picture_timestamp_seconds") or 0
    failing = findings(host, "fail")
    host.run("ip", "address", "delete", f"{FLOATING}/32", "dev", "eth0")
    eventually(lambda: value(host, 'netconsole_drift_steps{kind="addresses"}'))
    eventually(lambda: findings(host, "fail") - failing)
    assert (value(host, "netconsole_picture_timestamp_seconds") or 0) > seen
    eventually(lambda: value(host, 'netconsole_floating_addresses{pool="public",state="drift"}'))
    netconsole(host, "apply")
    eventually(lambda: value(host, 'netconsole_drift_steps{kind="addresses"}') == 0)
    assert value(host, 'netconsole_changes_total{outcome="done"}') == 1

    host.run("pkill", "-x", "dnsmasq")
    eventually(lambda: value(host, 'netconsole_dnsmasq_up{network="vmnet"}') == 0)
    netconsole(host, "apply")
    eventually(lambda: value(host, 'netconsole_dnsmasq_restarts_total{network="vmnet"}') == 1)

    host.run("netconsole", "network", "delete", "none", check=False)
    eventually(lambda: value(host, 'netconsole_changes_total{outcome="refused"}') == 1)
    chain = f'address="{FLOATING}",chain="nova-network-PREROUTING"'
    assert reaches(host)
    eventually(lambda: value(host, f"netconsole_floating_address_rule_packets_total{{{chain}}}"))


def findings(host: PrivateHost, verdict: str) -> set[str]:
    """The checks that say so."""
    found = re.findall(
        r'^netconsole_finding\{check="(\w+)",verdict="(\w+)"\} 1.0$', scraped(host), re.M
    )
    return {check for check, said in found if said == verdict}


ASKED = """
import json
from netconsole.agent.answer_times import AnswerTimes
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service

found = AnswerTimes().measured(Service(load()).survey().status())
print(json.dumps({each.service: each.seconds is not None for each in found}))
"""


def test_a_dnsmasq_says_how_soon_it_answers(told: PrivateHost) -> None:
    host, leases = told, "/var/lib/netconsole/networks/nova-br100.leases"
    of_dns = 'netconsole_dnsmasq_{}{{network="vmnet",service="dns"}}'
    before = host.run("cat", leases).stdout
    assert value(host, of_dns.format("answers")) == 1
    assert 0 < (value(host, of_dns.format("answer_seconds")) or 0) <= 1
    assert asked(host) == {"dns": True, "dhcp": True}
    assert host.run("cat", leases).stdout == before

    host.run("pkill", "-STOP", "-x", "dnsmasq")
    eventually(lambda: value(host, of_dns.format("answers")) == 0)
    assert value(host, of_dns.format("answer_seconds")) is None
    assert asked(host) == {"dns": False, "dhcp": False}
    host.run("pkill", "-CONT", "-x", "dnsmasq")
    eventually(lambda: value(host, of_dns.format("answers")) == 1)


def test_without_its_address_a_dnsmasq_is_not_asked_elsewhere(told: PrivateHost) -> None:
    told.run("ip", "address", "delete", "10.0.0.1/24", "dev", "br100")
    assert asked(told) == {}


def asked(host: PrivateHost) -> dict[str, bool]:
    """Whether each service answers, to who asks for the first time."""
    found: dict[str, bool] = json.loads(host.run("python3", "-c", ASKED).stdout)
    return found


def test_what_a_guest_tried_is_counted(told: PrivateHost) -> None:
    host = told
    assert "netconsole_guard_dropped_frames_total" in scraped(host)
    before = dropped(host)
    guest = ("ip", "netns", "exec", "web1")
    host.run(*guest, "ip", "address", "add", "10.0.0.77/24", "dev", "eth0")
    host.run(*guest, "ping", "-c1", "-W1", "-I", "10.0.0.77", "10.0.0.1", check=False)
    eventually(lambda: dropped(host) > before)
    # A guest that is left alone with its address says more, and it comes between the two.
    eventually(lambda: dropped_by_kind(scraped(host)) == dropped_frames(host))


def dropped_by_kind(figures: str) -> dict[str, float]:
    """What guards dropped, as a scrape tells it."""
    told = re.findall(r'dropped_frames_total\{kind="(\w+)"\} (\S+)$', figures, re.M)
    return {kind: float(count) for kind, count in told}


STRANGE = """
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sending:
    sending.bind(("eth0", 0))
    sending.send(bytes.fromhex("ffffffffffff" "020000000001" "88b5") + bytes(46))
"""
"""A frame of a protocol that nobody speaks (IEEE 802, local experimental)."""


def test_a_hop_that_drops_is_told_of(told: PrivateHost) -> None:
    host = told
    sample = 'netconsole_hop_dropped_packets_total{direction="receive",interface="eth0"}'
    before = value(host, sample)
    assert before is not None
    host.outside("python3", "-c", STRANGE)
    eventually(lambda: (value(host, sample) or 0) > before)


def dropped(host: PrivateHost) -> float:
    found = re.findall(r"^netconsole_guard_dropped\S+ (\S+)$", scraped(host), re.MULTILINE)
    return sum(map(float, found))


@pytest.mark.requires("promtool")
def test_prometheus_finds_nothing_to_blame(told: PrivateHost) -> None:
    text = scraped(told)
    judged = promtool("check", "metrics", input=text)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    judged = promtool("check", "rules", str(ALERTS))
    assert judged.returncode == 0, judged.stderr


@pytest.mark.requires("promtool")
def test_alerts_of_the_metadata_service_come_and_go(tmp_path: Path) -> None:
    """A new instance that asks late is no alert, one that never asks is; so is a long flood."""
    series = [
        ("netconsole_metadata_silent_instances{instance='late'}", "1x5 0x30"),
        ("netconsole_metadata_silent_instances{instance='never'}", "0x5 1x30"),
        ("netconsole_metadata_connections_turned_away_total{instance='short'}", "0 90 90x40"),
        ("netconsole_metadata_connections_turned_away_total{instance='long'}", "0+60x40"),
    ]
    silent = {"severity": "warning", "instance": "never"}
    flooded = {"severity": "warning", "instance": "long"}
    wanted = [("Silence", "30m", [silent]), ("Flooded", "30m", [flooded]), ("Silence", "8m", [])]
    document = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series],
                "promql_expr_test": [_alert(*each) for each in wanted],
            }
        ],
    }
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(document))
    judged = promtool("test", "rules", str(rules))
    assert judged.returncode == 0, judged.stdout + judged.stderr


def _alert(name: str, at: str, fired: list[dict[str, str]]) -> dict[str, Any]:
    """What Prometheus is to say of an alert at a time."""
    return {
        "expr": f'ALERTS{{alertname="NetconsoleMetadata{name}",alertstate="firing"}}',
        "eval_time": at,
        "exp_samples": [{"labels": _fired(name, each), "value": 1} for each in fired],
    }


def _fired(name: str, labels: dict[str, str]) -> str:
    every = {"alertname": f"NetconsoleMetadata{name}", "alertstate": "firing", **labels}
    return "ALERTS{" + ",".join(f'{key}="{value}"' for key, value in every.items()) + "}"


def test_who_asks_for_nothing_is_counted_until_it_asks(told: PrivateHost) -> None:
    sample = "netconsole_metadata_silent_instances"
    assert value(told, sample) == 0, "who had its address before may have asked before"
    boot(told, "late")
    eventually(lambda: value(told, sample) == 1)
    assert ask(told, "late", "/openstack").status == 200
    eventually(lambda: value(told, sample) == 0)


def test_only_metrics_are_told_and_only_where_it_is_said(told: PrivateHost) -> None:
    host = told
    asked = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    assert host.run(*asked, f"http://{LISTEN}/v1/status").stdout == "404"
    assert host.run(*asked, "-X", "POST", f"http://{LISTEN}/metrics").stdout == "405"
    assert "127.0.0.1:9555" in host.run("ss", "-Hltn").stdout
    assert host.run(*asked, "http://203.0.113.2:9555/metrics", check=False).returncode != 0


def test_a_place_that_is_taken_is_told_of(host: PrivateHost) -> None:
    configure(host, f"metrics_listen = {LISTEN}")
    host.spawn("python3", "-m", "http.server", "9555", "--bind", "127.0.0.1")
    eventually(lambda: ":9555" in host.run("ss", "-Hltn").stdout)
    done = host.run("netconsole", "agent", check=False)
    assert done.returncode == 3
    assert f"metrics_listen {LISTEN}: " in done.stderr
    assert done.stderr.count("\n") == 1

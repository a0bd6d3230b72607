"""What Prometheus is told of a host, and that alerts and dashboard ask for nothing else."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import click
import pytest
from core_samples import EMPTY, FLOATING, WHOLE, survey

from netconsole.agent.answer_times import AnswerTime
from netconsole.agent.metrics import Told, families
from netconsole.agent.tallies import Restarts, outcome_of
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.survey.status import DnsmasqStatus
from netconsole.backend.transaction.audit import AuditLine
from netconsole.cli.main import root
from netconsole.diagnostics.model.finding import Finding
from netconsole.metadata.tally import Counted
from netconsole.watch.picture import Picture

MONITORING = Path(__file__).parents[3] / "docs" / "monitoring"
ALERTS = MONITORING / "alerts.yml"
DASHBOARD = MONITORING / "dashboard.json"
TAKEN = datetime(2026, 11, 30, tzinfo=UTC)
FOUND = (Finding("rp_filter", "", "fail", ""), Finding("mtu", "", "ok", ""))

Samples = Mapping[tuple[str, tuple[str, ...]], float]


def told(observed: Observed = WHOLE, **more: object) -> Told:
    return replace(Told(Picture(TAKEN, survey(observed), FOUND)), **more)  # type: ignore[arg-type]  # tests name fields


def samples(found: Told) -> Samples:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families(found)
        for sample in family.samples
    }


def of(found: Samples, name: str) -> dict[tuple[str, ...], float]:
    return {labels: value for (each, labels), value in found.items() if each == name}


def test_a_host_that_is_as_the_store_says() -> None:
    found = samples(
        told(
            looks=3,
            stopped={"dhcp-server": 4},
            counters={"br100.tx_dropped": 5, "docker0.tx_dropped": 1},
        )
    )
    assert of(found, "netconsole_hop_dropped_packets_total") == {("br100", "transmit"): 5}
    assert found["netconsole_guard_dropped_frames_total", ("dhcp-server",)] == 4
    assert of(found, "netconsole_network_addresses") == {
        ("vmnet", "allocated"): 2,
        ("vmnet", "reserved"): 3,
        ("vmnet", "free"): 251,
    }
    assert found["netconsole_network_in_line", ("vmnet",)] == 1
    assert set(of(found, "netconsole_drift_steps").values()) == {0}
    assert found["netconsole_floating_addresses", ("public", "ok")] == 1
    assert found["netconsole_dnsmasq_up", ("vmnet",)] == 1
    assert found["netconsole_finding", ("rp_filter", "fail")] == 1
    assert found["netconsole_looks_total", ()] == 3
    assert found["netconsole_picture_timestamp_seconds", ()] == TAKEN.timestamp()


def test_a_dnsmasq_that_does_not_answer_has_no_time() -> None:
    found = samples(
        told(answers=(AnswerTime("vmnet", "dns", 0.002), AnswerTime("vmnet", "dhcp", None)))
    )
    assert of(found, "netconsole_dnsmasq_answers") == {("vmnet", "dns"): 1, ("vmnet", "dhcp"): 0}
    assert of(found, "netconsole_dnsmasq_answer_seconds") == {("vmnet", "dns"): 0.002}


def test_drift_is_told_by_kind() -> None:
    found = samples(told(replace(WHOLE, dnsmasq=(), addresses=())))
    drift = of(found, "netconsole_drift_steps")
    assert drift["dnsmasq",] > 0
    assert drift["addresses",] > 0
    assert drift["guards",] == 0
    assert found["netconsole_dnsmasq_up", ("vmnet",)] == 0
    assert found["netconsole_floating_addresses", ("public", "drift")] == 1


def test_counters_of_rules_are_those_of_the_floating_address() -> None:
    counted = {
        place: tuple(rule._replace(packets=7) for rule in rules)
        for place, rules in WHOLE.chains.items()
    }
    found = samples(told(replace(WHOLE, chains=counted)))
    packets = of(found, "netconsole_floating_address_rule_packets_total")
    assert {address for address, _ in packets} == {FLOATING}
    assert packets[FLOATING, "nova-network-PREROUTING"] == 7


def test_what_is_not_known_has_no_sample() -> None:
    unread = {"store": "damaged"}
    found = samples(told(replace(EMPTY, unreadable=unread)))
    names = {name for name, _ in found}
    assert found["netconsole_unreadable", ("store",)] == 1
    assert not {name for name in names if re.search("drift|network|floating|dnsmasq", name)}
    before = {name for name, _ in samples(Told(None, has_failed=True))}
    assert "netconsole_look_failed" in before
    assert "netconsole_obstacles" not in before


def test_names_of_others_do_no_harm() -> None:
    network = replace(survey(WHOLE).records.networks[0], label="a\nb\udcff")
    records = replace(survey(WHOLE).records, networks=(network,))
    picture = Picture(TAKEN, replace(survey(WHOLE), records=records))
    labels = of(samples(Told(picture)), "netconsole_network_ports")
    assert list(labels) == [("a\\nb\\xff",)]


def server(*pids: int) -> DnsmasqStatus:
    return DnsmasqStatus("vmnet", "br100", "running", pids, 1, "", 0, "")


def test_a_dnsmasq_with_another_pid_was_started_again() -> None:
    counted = Restarts()
    for pids in ((1,), (1,), (), (2,), (2, 3), (4,)):
        counted = counted.seen([server(*pids)])
    assert counted.of("vmnet") == 2
    assert counted.of("other") == 0


def test_what_guests_asked_for_is_a_histogram() -> None:
    counted = Counted({200: 3, 404: 1}, ((0.1, 3), (inf, 4)), 1.5, 2, 7, 3)
    found = samples(told(metadata=counted))
    assert of(found, "netconsole_metadata_requests_total") == {("200",): 3, ("404",): 1}
    assert of(found, "netconsole_metadata_request_seconds_bucket") == {("0.1",): 3, ("+Inf",): 4}
    assert found["netconsole_metadata_request_seconds_count", ()] == 4
    assert found["netconsole_metadata_request_seconds_sum", ()] == 1.5
    assert found["netconsole_metadata_impostors_total", ()] == 2
    assert found["netconsole_metadata_connections_turned_away_total", ()] == 7
    assert found["netconsole_metadata_silent_instances", ()] == 3


@pytest.mark.parametrize(
    ("outcome", "end", "word"),
    [
        ("done", "done", "done"),
        ("done", None, "done"),
        ("failed: network none: not found", None, "refused"),
        ("failed: step 2", "undone", "failed"),
        ("killed, taken back by apply", "recovered", "killed"),
    ],
)
def test_what_became_of_a_change_in_a_word(outcome: str, end: str | None, word: str) -> None:
    line = AuditLine("", "root", 0, None, None, "apply", outcome=outcome, end=end)
    assert outcome_of(line) == word


def test_alerts_and_dashboard_ask_for_what_there_is() -> None:
    there = {
        sample.name
        for family in families(
            told(
                changes={"done": 0},
                stopped={"mac": 1},
                counters={"eth0.rx_dropped": 0},
                metadata=Counted({503: 1}, ((0.1, 1), (inf, 1)), 0.1),
                answers=(AnswerTime("vmnet", "dns", 0.001),),
            )
        )
        for sample in family.samples
    } | {"netconsole_unreadable"}
    json.loads(DASHBOARD.read_text())
    for path in (ALERTS, DASHBOARD):
        named = set(re.findall(r"\bnetconsole_\w+", path.read_text()))
        assert named
        assert named <= there, path
    assert there <= {
        "netconsole_build_info",
        *re.findall(r"\bnetconsole_\w+", ALERTS.read_text() + DASHBOARD.read_text()),
    }


def test_alerts_name_commands_that_there_are() -> None:
    commands = re.findall(r"`netconsole ([a-z -]+?)(?: (?:[A-Z]|\{\{).*?)?`", ALERTS.read_text())
    assert len(commands) > 10
    for words in commands:
        group: click.Command | None = root
        with click.Context(root) as context:
            for word in words.split():
                if not isinstance(group, click.Group):
                    break
                group = group.get_command(context, word)
                assert group is not None, words

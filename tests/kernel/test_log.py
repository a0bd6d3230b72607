"""`netconsole log` on a host without a journal: changes, from the audit log."""

import json

from cloud import answer, create_network, netconsole
from private_host import PrivateHost


def test_changes_are_listed_the_latest_last(host: PrivateHost) -> None:
    assert netconsole(host, "log") == ""
    create_network(host)
    host.run("netconsole", "network", "delete", "none", check=False)

    created, refused = answer(host, "log")

    assert created["title"].startswith("network create vmnet")
    assert (created["outcome"], created["priority"]) == ("done", "notice")
    assert (refused["title"], refused["priority"]) == ("network delete none", "warning")
    assert refused["outcome"].startswith("failed: ")
    assert netconsole(host, "log", "-n", "1").count("\n") == 1


def test_followed_it_shows_each_change_as_it_comes(host: PrivateHost) -> None:
    create_network(host)
    following = host.spawn("netconsole", "log", "--follow", "--json", "-n", "1")
    assert following.stdout is not None
    assert json.loads(following.stdout.readline())["title"].startswith("network create vmnet")

    netconsole(host, "network", "delete", "vmnet")

    assert json.loads(following.stdout.readline())["title"] == "network delete vmnet"


def test_what_is_cut_off_in_the_audit_log_is_passed_over(host: PrivateHost) -> None:
    create_network(host)
    log = "/var/lib/netconsole/audit.jsonl"
    host.run("sh", "-c", f"printf '{{\"at\": \\n[]\\n\\377\\n' >> {log}")
    assert len(answer(host, "log")) == 1


def test_another_hosts_log_and_agent_are_not_taken_for_this_ones(host: PrivateHost) -> None:
    for words in (("log",), ("agent", "status"), ("agent", "install", "--dry-run")):
        done = host.run("netconsole", "--host", "ssh://node2", *words, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert "run it on ssh://node2 itself" in done.stderr

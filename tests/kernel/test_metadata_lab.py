"""A lab's instances get their metadata, and a service that does not run is named first."""

import pytest
from lab_faults import PROGRAMS, put_through_by_hand
from running_lab import NETCONSOLE, RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "curl")

ASK = ("netconsole", "lab", "exec", "web1", "curl", "-sS", "-m", "5")


def test_a_labs_instance_is_told_who_it_is(lab: RunningLab) -> None:
    got = lab.run(*ASK, "http://169.254.169.254/latest/meta-data/hostname")
    assert got.stdout.startswith("web1")


def test_a_service_that_does_not_run_is_the_first_trouble(lab: RunningLab) -> None:
    assert "metadata service" not in lab.run("netconsole", "status").stdout
    found = put_through_by_hand(lab, "metadata_service", "metadata")
    assert "No metadata service runs" in found["because"]
    lab.run("netconsole", "lab", "break", "metadata_service")
    told = lab.run("netconsole", "status").stdout.splitlines()
    assert "and 1 problem" in told[0]
    assert told[2].startswith("wrong: no metadata service runs: instances are led to 203.0.113.2")
    lab.run("netconsole", "lab", "mend", "metadata_service")


def test_who_cannot_read_the_store_serves_nobody_and_is_told_so(lab: RunningLab) -> None:
    become = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    serve = ("timeout", "60", *become, NETCONSOLE, "metadata", "serve")
    done = lab.run(*serve, check=False)
    assert done.returncode == 3
    assert "netconsole.sqlite cannot be read: permission denied" in done.stderr

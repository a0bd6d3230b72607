"""vhost_net on a kernel that has it as a module: real QEMU processes, really loaded."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import entered
import pytest
from private_host import eventually

from netconsole.lab.sandbox.namespaces import Namespace

DEVICE = Path("/dev/vhost-net")
DROP_IN = Path("/etc/modules-load.d/netconsole.conf")
BLOCK = Path("/etc/modprobe.d/policy.conf")


class Guest:
    """A virtual machine that is switched on and never runs."""

    def __init__(self, name: str, vhost: bool) -> None:
        self.tap = f"tap-{name}"
        network = f"tap,id=n,ifname={self.tap},script=no,downscript=no,vhost={_word(vhost)}"
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-name", f"guest={name}", "-M", "microvm", "-S"),
                *("-display", "none", "-monitor", "none", "-serial", "none"),
                *("-netdev", network, "-device", "virtio-net-device,netdev=n"),
            ]
        )
        eventually(lambda: Path("/sys/class/net", self.tap).exists(), seconds=60)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=60)


def _word(on: bool) -> str:
    return "on" if on else "off"


@pytest.fixture
def old() -> Iterator[Guest]:
    """A guest that was started without vhost."""
    subprocess.run(["modprobe", "tun"], check=True, timeout=60)
    guest = Guest("old", vhost=False)
    yield guest
    guest.stop()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run netconsole in this machine, which takes ten times as long to load it as another."""
    command = ("netconsole", *words, "--json")
    return entered.run(os.getpid(), Namespace(0), command, check=False, timeout=350)


def netconsole(*words: str) -> tuple[int, Any]:
    done = run(*words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def cured() -> Any:
    """Run the playbook, again where it did nothing as it was not quick enough for its own look."""

    def done() -> subprocess.CompletedProcess[str] | None:
        ended = run("playbook", "run", "vhost_net", "--apply", "--persist")
        return None if "not done, the plan has changed" in ended.stderr else ended

    ended = eventually(done, seconds=350)
    assert ended is not None
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def findings() -> dict[str, Any]:
    """What is found by a look for which the emulated machine was quick enough."""

    def known() -> dict[str, Any] | None:
        _, document = netconsole("doctor", "--only", "vhost_net", "--only", "modules")
        found = {each["check"]: each for each in document["findings"]}
        return None if "unknown" in {each["verdict"] for each in found.values()} else found

    found = eventually(known, seconds=350)
    assert found is not None
    return found


def descriptors(finding: dict[str, Any], guest: str) -> str:
    return next(str(row["value"]) for row in finding["evidence"] if row["label"] == guest)


def test_a_blocked_module_is_named_and_not_forced(old: Guest) -> None:
    BLOCK.write_text("install vhost_net /bin/false\n")
    found = findings()
    BLOCK.unlink()
    assert found["modules"]["verdict"] == "info"
    assert f"{BLOCK}:1" in found["modules"]["because"]
    assert (found["vhost_net"]["verdict"], found["vhost_net"]["fix"]) == ("warn", None)


def test_loaded_now_and_at_boot_and_who_has_to_be_restarted(old: Guest) -> None:
    assert not DEVICE.exists()
    found = findings()["vhost_net"]
    assert (found["verdict"], found["fix"]) == ("warn", ["modprobe vhost_net"])
    assert descriptors(found, "old").startswith("0 ")

    document = cured()
    assert document["verified"]
    assert DEVICE.exists()
    assert DROP_IN.read_text().splitlines()[-1] == "vhost_net"
    after = document["after"]
    assert after["verdict"] == "info"
    assert "old run without it" in after["because"]
    assert "no effect on instances that run" in after["remedy"]

    new = Guest("new", vhost=True)
    found = findings()["vhost_net"]
    assert descriptors(found, "new").startswith("1 ")
    assert descriptors(found, "old").startswith("0 ")
    old.stop()
    assert findings()["vhost_net"]["verdict"] == "ok"
    new.stop()

    status, _ = netconsole("playbook", "run", "vhost_net", "--undo")
    assert status == 0
    assert not DROP_IN.exists()

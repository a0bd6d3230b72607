"""What a target means: an instance by any of its names, a network, an interface, or nothing."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING, HEALTHY

from netconsole.backend.model.errors import NotFound
from netconsole.backend.survey.status import Allocation
from netconsole.diagnostics.model.target import Target, resolve

MAC = "fa:16:3e:00:00:01"
WEB1 = Allocation(
    "10.0.0.2", "vmnet", "web1", "demo", MAC, True, True, False, (FLOATING,), "tap1", "up", None
)
STATUS = replace(HEALTHY, allocations=(WEB1,))


@pytest.mark.parametrize("text", ["web1", "10.0.0.2", "tap1", MAC, MAC.upper()])
def test_an_instance_by_any_of_its_names(text: str) -> None:
    wanted = Target(text, "web1", "10.0.0.2", FLOATING, MAC, "tap1", "vmnet", "br100")
    assert resolve(text, STATUS) == wanted


def test_a_floating_address_leads_to_its_instance_and_interface() -> None:
    found = resolve(FLOATING, STATUS)
    assert (found.instance, found.interface, found.port) == ("web1", "eth0", "tap1")


@pytest.mark.parametrize("text", ["vmnet", "br100", "10.0.0.0/24"])
def test_a_network(text: str) -> None:
    assert resolve(text, STATUS) == Target(text, network="vmnet", bridge="br100")


def test_an_interface_is_known_where_the_links_are() -> None:
    assert resolve("eth7", STATUS, frozenset({"eth7"})) == Target("eth7", interface="eth7")
    with pytest.raises(NotFound, match="'eth7'"):
        resolve("eth7", STATUS)

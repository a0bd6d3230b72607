"""Names of the program's own: one that is misspelled leads to the one that was meant."""

import re

import pytest

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame.names import CHECK, FAULT, PLAYBOOK, Known
from netconsole.diagnostics.checks import CHECKS
from netconsole.lab.faults import FAULTS


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (FAULT, "nat-flushed", "nat_flushed"),
        (CHECK, "ip-forward", "ip_forward"),
        (PLAYBOOK, "no_address", "no-address"),
    ],
)
def test_a_name_of_another_spelling_is_refused_and_led_on(
    kind: Known, written: str, meant: str
) -> None:
    with pytest.raises(InvalidValue, match=f"'{written}': there is none; did you mean {meant}"):
        kind.convert(written, None, None)


def test_a_name_that_is_like_none_is_told_all() -> None:
    with pytest.raises(InvalidValue, match=r"'weather': there is .*uplink.*drift"):
        CHECK.convert("weather", None, None)


def test_faults_are_spelled_as_checks_are() -> None:
    names = (*CHECKS, *(fault.id for fault in FAULTS))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)] == []

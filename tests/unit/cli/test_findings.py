"""How the findings of a doctor are printed."""

from netconsole.cli.findings import summary
from netconsole.diagnostics.model.finding import Finding


def test_one_reason_for_many_checks_is_said_once_and_what_is_not_made() -> None:
    because = "The check could not be made: netconsole.conf:2: state_path 'x': must be absolute."
    many = [Finding(f"check_{number}", "A title", "unknown", because) for number in range(40)]
    well = Finding("uplink", "A title", "ok", "It is up.")
    alone = Finding("clock", "A title", "unknown", "The check could not be made: no clock.")
    told = "\n".join(summary([*many, well, alone]))
    assert told.count("must be absolute") == 1
    assert "40 checks" in told
    assert all(each.check in told for each in (*many, well, alone))
    assert "clock" in next(line for line in told.splitlines() if "no clock" in line)

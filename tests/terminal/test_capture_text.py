"""How a capture is laid out: within any size, the figures first."""

import pytest
from packets import HOST_MAC, answer, came_in, query, udp, went_out
from rich.cells import cell_len

from netconsole.capture.analysis import Analysis
from netconsole.capture.comparison import Progress
from netconsole.capture.topology import Point
from netconsole.screens.rows.marks import UNICODE
from netconsole.screens.texts.capture import Shown, laid_out

NAMES = ("vlan100", "br100", "vethb0aaf5b4567", "tap0", "tap1")
SECOND = 1_000_000_000
SIZES = [(60, 11), (80, 20), (120, 36), (200, 56), (60, 3)]


def shown(points: int, packets: int) -> Shown:
    made = [Point(name, bytes.fromhex(HOST_MAC.replace(":", ""))) for name in NAMES[:points]]
    analysis = Analysis(made, 128, 0)
    seen = [came_in(number * 250, query(number, f"host{number}.test")) for number in range(packets)]
    seen += [went_out(number * 250 + 9, answer(number, f"host{number}.test")) for number in (0, 1)]
    seen += [came_in(packets * 250 + 1, udp(1))]
    for number in range(points):
        analysis.add(number, seen if packets else [])
    analysis.dropped[0] = 3
    now = packets * SECOND // 4
    progress = Progress(now, analysis.so_far(now), (1234.5,) * points, analysis.asked())
    latest = tuple((NAMES[number % points], seen[number % len(seen)]) for number in range(packets))
    return Shown(progress, latest)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("points", [1, 2, 3, 5])
@pytest.mark.parametrize("packets", [0, 1, 40])
def test_it_fits(width: int, height: int, points: int, packets: int) -> None:
    lines = [
        "".join(text for text, _ in line)
        for line in laid_out(shown(points, packets), width, height, UNICODE)
    ]
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith(" interface")
    if height >= 20 and packets:
        whole = "\n".join(lines)
        assert all(name in whole for name in NAMES[:points])
        assert "the latest" not in whole
        assert f"DNS at vlan100: 2 of {packets}" in whole or packets == 1
        assert f"host{packets - 1}.test" in whole


def test_what_waits_is_told_from_what_is_lost() -> None:
    whole = "\n".join(
        "".join(text for text, _ in line) for line in laid_out(shown(2, 40), 120, 60, UNICODE)
    )
    row = next(line for line in whole.splitlines() if "host39.test" in line)
    assert row.split()[-2:] == ["…", "…"]
    row = next(line for line in whole.splitlines() if "host30.test" in line)
    assert row.split()[-4:] == ["no", "answer", "no", "answer"]

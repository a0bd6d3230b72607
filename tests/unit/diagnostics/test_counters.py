"""The kernel's counters, read while they rise."""

from pathlib import Path

import pytest

from netconsole.backend.system import files
from netconsole.diagnostics.evidence import counters

READ = 12
"""So many files, or a few less, are read in all."""


@pytest.mark.parametrize("moment", range(READ))
def test_no_interface_seems_to_lose_more_than_the_processors_dropped(
    moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it is that they lose a burst of packets for want of room."""
    read: list[str] = []

    def read_text(path: Path) -> str:
        lost = 100 if len(read) >= moment else 0
        read.append(path.name)
        if path.name == "softnet_stat":
            return f"000000ff {lost:08x} 00000000\n"
        if path.name == "dev":
            return f"one\ntwo\n  tap1: 0 0 0 {lost} 0 0 0 0 0 0 0 0 0 0 0 0\n"
        return ""

    monkeypatch.setattr(files, "read_text", read_text)
    monkeypatch.setattr(counters, "SECONDS", 0)
    monkeypatch.setattr("socket.if_nameindex", list)  # whose carriers are read from files as well
    rose = counters.read_counters()
    assert len(read) <= READ
    assert rose.rise("tap1.rx_dropped") <= rose.rise("softnet.dropped")

"""The fingerprint of a dnsmasq's configuration: another when dnsmasq would read something else."""

from pathlib import Path

import pytest

from netconsole.backend.host.dnsmasq_configuration import read


@pytest.mark.parametrize(
    ("endings", "is_read"),
    [
        ("", {"a.conf", "b.bak", "conf"}),
        (",.bak", {"a.conf", "conf"}),
        (",.bak,.conf", {"conf"}),
        (",*.conf", {"a.conf"}),
        (", *.conf, *.bak", {"a.conf", "b.bak"}),
        (",*,.bak", {"a.conf", "conf"}),
    ],
)
def test_of_a_directory_counts_what_dnsmasq_reads_of_it(
    tmp_path: Path, endings: str, is_read: set[str]
) -> None:
    """As dnsmasq 2.90 does, see dnsmasq(8), --conf-dir."""
    directory = tmp_path / "dnsmasq.d"
    directory.mkdir()
    main = tmp_path / "dnsmasq.conf"
    main.write_text(f"conf-dir={directory}{endings}\n")
    names = ("a.conf", "b.bak", "conf", ".hidden", "old~", "#new#")
    for name in names:
        (directory / name).write_text("log-dhcp\n")
    (directory / "deeper.conf").mkdir()
    before = read(str(main)).fingerprint
    (directory / "deeper.conf" / "c.conf").write_text("log-dhcp\n")
    assert read(str(main)).fingerprint == before
    counted = set()
    for name in names:
        (directory / name).write_text("log-queries\n")
        if read(str(main)).fingerprint != before:
            counted.add(name)
        (directory / name).write_text("log-dhcp\n")
    assert counted == is_read

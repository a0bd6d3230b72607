"""The fingerprint of a dnsmasq's configuration: another when dnsmasq would read something else."""

from pathlib import Path

import pytest

from netconsole.backend.host.dnsmasq_configuration import read, text, unusable
from netconsole.backend.host.dnsmasq_rehearsal import without_effects


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


@pytest.mark.parametrize("line", ["conf-file={} # why", "conf-file = {}\t# why", 'conf-file="{}"'])
def test_a_comment_behind_an_option_is_no_part_of_it(tmp_path: Path, line: str) -> None:
    more = tmp_path / "more #1.conf" if '"' in line else tmp_path / "more#1.conf"
    more.write_text("log-dhcp\n")
    main = tmp_path / "dnsmasq.conf"
    main.write_text(line.format(more) + "\n")
    before = read(str(main)).fingerprint
    more.write_text("log-queries\n")
    assert read(str(main)).fingerprint != before
    assert text(str(main)) == "log-queries\n"


def test_what_netconsole_gives_is_found_before_a_comment(tmp_path: Path) -> None:
    main = tmp_path / "dnsmasq.conf"
    main.write_text("no-daemon # why\n")
    assert "line 1: no-daemon must not be there" in unusable(str(main))


def test_a_rehearsed_configuration_has_nothing_that_shows_outside(tmp_path: Path) -> None:
    log, nowhere = f"{tmp_path}/log", "/nowhere/log"
    lines = (
        *("dnssec-timestamp=/x", "enable-ubus # why", "dhcp-luascript=/x", f'log-facility="{log}"'),
        *("log-facility=DAEMON", "dhcp-script=/bin/echo", "dhcp-script=echo; echo"),
        *("dhcp-script=/nowhere/script", f"dumpfile={nowhere}", "cache-size=7"),
    )
    assert tuple(without_effects(lines)) == (
        *("dhcp-script=/bin/true", "dhcp-script=/bin/true"),
        *("dhcp-script=/nowhere/script", f"dumpfile={nowhere}", "cache-size=7"),
    )
    assert list(tmp_path.iterdir()) == []

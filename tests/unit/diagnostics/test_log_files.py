"""What is read of the files of rsyslog and auditd: real files, in the words that they use."""

from datetime import datetime
from pathlib import Path

import pytest

from netconsole.diagnostics.evidence.log import denied, once
from netconsole.diagnostics.evidence.log_files import (
    MOST_BYTES,
    SyslogEntry,
    audit_lines,
    ends_of,
    syslog_entries,
)

NOW = datetime(2026, 1, 2, 12, 0, 0).timestamp()
BOTH = """\
Jan  2 11:59:58 host1 dnsmasq-dhcp[77]: DHCPACK(br100) 10.0.0.2 fa:16:3e:00:00:01 web1
2026-01-02T11:59:59.250000+00:00 host1 kernel: [  100.5] br100: port 1(veth1) entered state
Dec 31 23:59:59 host1 CRON[5]: (root) CMD (true)
    a line that goes on
"""
AVC = (
    "type=AVC msg=audit(1364481363.243:24287): avc:  denied  { read } for  pid=99 "
    'comm="dnsmasq" name="hosts" dev="sda1" ino=5 scontext=system_u:system_r:dnsmasq_t:s0\n'
    "type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no\n"
)
RING = (
    '[  100.500000] audit: type=1400 audit(1364481363.243:24287): apparmor="DENIED" '
    'operation="open" profile="/usr/sbin/dnsmasq" name="/x" pid=9 comm="dnsmasq"\n'
)


def test_both_formats_of_rsyslog_and_the_year_that_one_of_them_lacks() -> None:
    acknowledged, kernel, cron = syslog_entries(BOTH, NOW)
    text = "DHCPACK(br100) 10.0.0.2 fa:16:3e:00:00:01 web1"
    assert acknowledged == SyslogEntry(NOW - 2, "dnsmasq-dhcp", 77, text)
    assert (kernel.program, kernel.pid) == ("kernel", 0)
    assert datetime.fromtimestamp(cron.moment).year == 2025


def test_the_end_of_a_long_file_from_a_whole_line_on(tmp_path: Path) -> None:
    long, none = tmp_path / "syslog", tmp_path / "messages"
    long.write_text("x" * MOST_BYTES + "\nlast but one\nlast\n")
    assert ends_of((long, none)) == ("last but one\nlast\n",)
    assert ends_of((none,)) == ()


def test_what_is_there_and_cannot_be_read_is_said(tmp_path: Path) -> None:
    directory = tmp_path / "audit.log"
    directory.mkdir()
    with pytest.raises(OSError, match="is a directory"):
        ends_of((directory, tmp_path / "none"))


def test_a_denial_that_the_ring_and_a_file_have_is_one() -> None:
    first, second = audit_lines(AVC)
    assert (first.moment, second.moment) == (1364481363.243, 1364481363.243)
    assert len(once((*denied(RING, NOW), first))) == 1

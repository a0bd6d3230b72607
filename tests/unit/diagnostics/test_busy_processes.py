"""What is read of processes that open and close files meanwhile."""

import subprocess
import sys
from pathlib import Path

from netconsole.diagnostics.evidence import dnsmasq, virtual_machines

BUSY = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.inotify_add_watch(libc.inotify_init(), b"/", 0x100)
print(os.stat("/").st_ino, flush=True)
while True:
    for opened in [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]:
        os.close(opened)
"""


def test_what_a_busy_process_has_open_is_read_all_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout is not None
            watched = (int(busy.stdout.readline()),)
            assert {dnsmasq._watched(busy.pid) for _ in range(300)} == {watched}
            seen = {virtual_machines._machine(Path(f"/proc/{busy.pid}")) for _ in range(300)}
            assert [each.pid for each in seen] == [busy.pid]
        finally:
            busy.kill()

"""Claim: at 1,000 ports and 10,000 rules a scrape costs no more than one `iptables-save -c`.

That is processor time, of the programs that are run as well: of a scrape itself, and of the look
at counters that it makes good for, once every 15 seconds. Beside it stands one listing of the
same counters, which a script for node_exporter's textfile collector would make.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import doctor
from enclosed import inside

from netconsole.agent.exposing import COUNTERS_SECONDS, HostTallies, exposition
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.facility import Again, Facility
from netconsole.metadata.tally import Counted
from netconsole.watch.watch import Watch

ROUNDS = 5
CLAIMED = 1.0


def processor_seconds(action: Callable[[], object]) -> float:
    """The least that it took of a processor, programs that it ran among it."""
    found = []
    for _ in range(ROUNDS):
        before = os.times()
        action()
        after = os.times()
        found.append(sum(after[:4]) - sum(before[:4]))
    return min(found)


def main(options: Options) -> None:
    service = doctor.populate(replace(options, quota_floating_ips=-1))
    watch = Watch(service, examine_seconds=None)
    watch.start()
    while watch.latest() is None:
        time.sleep(0.1)
    tallies = HostTallies(service, Counted)
    size = len(exposition(tallies.told(watch)))
    scrape = processor_seconds(lambda: exposition(tallies.told(watch)))
    watch.stop()
    former = service.look()
    counting = processor_seconds(lambda: service.look(former, Again.of(Facility.COUNTERS)))
    listing = processor_seconds(
        lambda: subprocess.run(
            ["iptables-save", "-c"], check=True, stdout=subprocess.DEVNULL, timeout=60
        )
    )
    print(
        f"a scrape: {scrape:.2f} s of a processor and {size / 1e6:.1f} MB, "
        f"{scrape / listing:.1f} times iptables-save -c"
    )
    print(
        f"the counters for it, every {COUNTERS_SECONDS:.0f} s: {counting:.2f} s, "
        f"{counting / listing:.1f} times"
    )
    if scrape > CLAIMED * listing:
        sys.exit("costs more than claimed")


if __name__ == "__main__":
    inside(main)

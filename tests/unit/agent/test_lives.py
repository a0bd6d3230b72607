"""Whether the agent is alive, as it tells the service manager."""

import threading
from dataclasses import replace

import pytest

from netconsole.agent.process import lives, vital
from netconsole.backend.configuration.options import Options

RECORDS = Options(record_days=7)
RECORDS_NOTHING = replace(RECORDS, record_days=0)
THREADS = ("watch", "examiner", "converging", "recorder")


@pytest.mark.parametrize("ended", THREADS)
def test_it_is_alive_while_all_that_its_work_rests_on_is(ended: str) -> None:
    events = {name: threading.Event() for name in THREADS}
    threads = {
        name: threading.Thread(target=event.wait, name=name, daemon=True)
        for name, event in events.items()
    }
    assert not lives(RECORDS)
    for thread in threads.values():
        thread.start()
    lone = threading.Thread(target=lambda: None)
    lone.start()
    lone.join()
    assert lives(RECORDS)
    events[ended].set()
    threads[ended].join()
    assert not lives(RECORDS)
    assert lives(RECORDS_NOTHING) == (ended == "recorder")
    for name, thread in threads.items():
        events[name].set()
        thread.join()


def test_who_records_nothing_needs_no_thread_for_it() -> None:
    assert vital(RECORDS) - vital(RECORDS_NOTHING) == {"recorder"}

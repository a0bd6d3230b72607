"""Whether the agent is alive, as it tells the service manager."""

import threading

from netconsole.agent.process import VITAL, lives


def test_it_is_alive_while_all_that_its_work_rests_on_is() -> None:
    end = threading.Event()
    names = sorted(VITAL)
    threads = [threading.Thread(target=end.wait, name=name) for name in names]
    assert not lives()
    for thread in threads:
        thread.start()
    lone = threading.Thread(target=lambda: None)
    lone.start()
    lone.join()
    assert lives()
    end.set()
    threads[0].join()
    assert not lives()
    for thread in threads:
        thread.join()

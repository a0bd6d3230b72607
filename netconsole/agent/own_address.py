"""Own address: the agent hears when the host speaks under another address than before."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netconsole.backend.configuration.own_address import address_of_default_route
from netconsole.backend.kernel.notices import RouteNotices
from netconsole.backend.model.facility import Facility

_TELLING = frozenset({Facility.ADDRESSES, Facility.ROUTES})


@contextmanager
def own_address_heard(changed: Callable[[], object]) -> Iterator[None]:
    """Call `changed` in the event loop when my_ip is another by default than it was at first.

    That none is left is not told: it may come back. Raises OSError where the kernel tells nothing.
    """
    known = address_of_default_route()
    notices = RouteNotices()

    def hear() -> None:
        if notices.heard().facilities.isdisjoint(_TELLING):
            return
        if address_of_default_route() not in (None, known):
            changed()

    loop = asyncio.get_running_loop()
    loop.add_reader(notices.fileno(), hear)
    try:
        yield
    finally:
        loop.remove_reader(notices.fileno())
        notices.close()

"""Who is told of each new picture, in the order in which they came."""

import threading
from collections.abc import Callable, Iterable

from netconsole.watch.picture import Picture

Delivery = Callable[[Picture | Exception], None]


class Subscribers:
    """Those who are told; any thread may add and remove, the watch's own tells."""

    def __init__(self) -> None:
        self._deliveries: dict[int, Delivery] = {}
        self._newcomers: set[int] = set()
        self._numbers = 0
        self._lock = threading.Lock()

    def add(self, deliver: Delivery) -> Callable[[], None]:
        """Tell one more from now on; the answer ends that."""
        with self._lock:
            self._numbers += 1
            number = self._numbers
            self._deliveries[number] = deliver
            self._newcomers.add(number)

        def remove() -> None:
            with self._lock:
                self._deliveries.pop(number, None)

        return remove

    def tell(self, result: Picture | Exception) -> None:
        """Deliver a picture, or why there is none, to all."""
        for deliver in self._chosen():
            deliver(result)

    def welcome(self, there: Iterable[Picture | Exception]) -> None:
        """Deliver what there is to those who have been told nothing yet."""
        found = tuple(there)
        for deliver in self._chosen(only_new=True) if found else ():
            for each in found:
                deliver(each)

    def _chosen(self, *, only_new: bool = False) -> list[Delivery]:
        with self._lock:
            chosen = self._newcomers if only_new else set(self._deliveries)
            found = [each for number, each in self._deliveries.items() if number in chosen]
            self._newcomers = set()
        return found

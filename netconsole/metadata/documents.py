"""Documents: what guests were told, kept as it was sent while the store says the same of them."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from netconsole.backend.injection.answer import GuestDocument
from netconsole.backend.model.guest_data import GuestData

MOST_BYTES: Final = 8 << 20
"""Of all together; who has not asked for longest is asked of the store's data again."""
LARGEST: Final = 32 << 10
"""One that is larger is made each time."""
_BESIDE: Final = 512
"""Bytes that one takes besides what it says, about."""

_Place = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class _Kept:
    guest: GuestData
    document: GuestDocument


class KeptDocuments:
    """Documents by instance, path and who asked; for one thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[_Place, _Kept] = OrderedDict()
        self._bytes = 0

    def of(self, guest: GuestData, path: tuple[str, ...], requester: str) -> GuestDocument | None:
        """Return what was kept of these very data; None where nothing is, or of others."""
        place = (guest.view.instance.uuid, path, requester)
        kept = self._kept.get(place)
        if kept is None or kept.guest is not guest:
            return None
        self._kept.move_to_end(place)
        return kept.document

    def keep(
        self, guest: GuestData, path: tuple[str, ...], requester: str, document: GuestDocument
    ) -> None:
        """Keep what is to be told of these data from now on."""
        if len(document.content) > LARGEST:
            return
        place = (guest.view.instance.uuid, path, requester)
        former = self._kept.pop(place, None)
        self._bytes += _size(document) - (0 if former is None else _size(former.document))
        self._kept[place] = _Kept(guest, document)
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest.document)


def _size(document: GuestDocument) -> int:
    return len(document.content) + _BESIDE

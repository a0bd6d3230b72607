"""Authors: who has changed the packet filter, as far as that can be asked of the kernel."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Authors:
    """The services among them, and whether somebody was gone before it could be asked who it was.

    Admins whose program was still there are neither.
    """

    services: frozenset[str] = frozenset()
    is_one_gone: bool = False

    @classmethod
    def of(cls, service: str | None) -> Self:
        """Return a single author, as `system/origin.py` has it."""
        if service is None:
            return cls(is_one_gone=True)
        return cls(frozenset({service} if service else ()))

    def __bool__(self) -> bool:
        return bool(self.services) or self.is_one_gone

    def __or__(self, other: Self) -> Self:
        return type(self)(self.services | other.services, self.is_one_gone or other.is_one_gone)

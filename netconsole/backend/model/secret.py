"""Secret: a text of the configuration that is used, and shown to nobody. Pure."""

from dataclasses import dataclass, field
from typing import Final

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that prints, and stands in JSON, as `***`."""

    revealed: str = field(repr=False)
    """The text itself."""

    def __str__(self) -> str:
        return HIDDEN


NONE: Final = Secret("")
"""Where there is none."""

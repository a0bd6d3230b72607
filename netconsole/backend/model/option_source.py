"""Where the value of an option comes from, and since when it may hold. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class OptionSource:
    """The file that gives an option its value."""

    path: str
    changed: float
    """When it was last written: POSIX seconds."""

    @property
    def since(self) -> str:
        """Say since when the value may hold at the latest."""
        when = datetime.fromtimestamp(self.changed, UTC)
        return f"since the change of {self.path} at {when:%Y-%m-%d %H:%M} UTC"

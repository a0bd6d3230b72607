"""The page of a check: what `explain` prints, and all the documentation that a check has."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """One check explained. Texts are paragraphs, unwrapped."""

    symptom: str
    """What users and admins notice."""
    cause: str
    """What happens to the packet, and why."""
    evidence: str
    """What is read, and how it shows the cause."""
    look_alikes: tuple[tuple[str, str], ...]
    """What else looks like it, each with what tells it apart."""
    cure: str
    """What the fix does, what it costs, and how it is made permanent."""
    source: str
    """Where the facts are from: a kernel document, an RFC, a manual page."""

    def sections(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return every heading with its paragraphs."""
        yield "Symptom", (self.symptom,)
        yield "Cause", (self.cause,)
        yield "Evidence", (self.evidence,)
        if self.look_alikes:
            yield (
                "What else looks like it",
                tuple(f"{name}: {difference}" for name, difference in self.look_alikes),
            )
        yield "Cure", (self.cure,)
        yield "Source", (self.source,)

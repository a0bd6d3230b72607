"""Steps: the smallest changes to a host, each with its command and its inverse.

A step is a value. It says what it does as the commands an admin would type, and knows from what
was observed how to take itself back. `host.doers` executes it. Fields hold only text, numbers
and tuples of them, so that the journal can write a step down and a later process undo it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from netconsole.backend.model.subject import Subjects
from netconsole.backend.model.text import in_shell

Argv = tuple[str, ...]
Thing = tuple[Literal["link", "dnsmasq"], str]
"""What a step may bring about and others need: a link by its name, a dnsmasq by its bridge."""


def argv(*parts: object) -> Argv:
    """Return an argument list of anything that has a text."""
    return tuple(str(part) for part in parts)


def given(option: str, value: object) -> Argv:
    """Return an option and its value, or nothing where there is no value."""
    return () if value in (None, "") else (option, str(value))


def words(*parts: object) -> str:
    """Return words as they are typed at a shell."""
    return in_shell(*argv(*parts))


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """Base of all steps. Each either happens or does not: none can be half done.

    `host.doers` has who does each; one that nobody does cannot be made.
    """

    KIND_KEY: ClassVar[str] = "step"
    """Under which JSON says which kind it is."""
    lasts: ClassVar[bool] = False
    """Whether what it does outlives the kernel: a file does, a link does not."""
    without_it: ClassVar[str] = ""
    """What happens where it has no effect; nothing where a change fails with it."""
    only_looks: ClassVar[bool] = False
    """Whether it changes nothing."""

    stays: bool = field(default=False, kw_only=True, compare=False)
    """Whether it is not taken back with its change: it holds guests, and was asked for before."""
    subjects: Subjects = field(default=(), kw_only=True, compare=False)
    """What it is about."""

    @property
    @abstractmethod
    def commands(self) -> tuple[str, ...]:
        """What an admin would type to the same effect, quoted for a shell."""

    @property
    def inverse(self) -> "Step | None":
        """The step that takes this one back, or None where nothing can."""
        return None

    @property
    def makes(self) -> tuple[Thing, ...]:
        """What is not to be had where it fails."""
        return ()

    @property
    def needs(self) -> tuple[Thing, ...]:
        """What it is in vain without."""
        return ()

    @property
    def holds_guests(self) -> bool:
        """Whether it filters or guards guests: no port may come where it fails."""
        return False

    def stands_with(self, former: "Step") -> bool:
        """Whether one that was taken before is taken back where this one fails."""
        return False


@dataclass(frozen=True, slots=True)
class ProgramStep(Step):
    """A step that is the doing of programs, or could be."""

    @property
    @abstractmethod
    def argvs(self) -> tuple[Argv, ...]:
        """The programs to run, in their order."""

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(in_shell(*argv) for argv in self.argvs)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are taken; empty when nothing is to do."""

    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def commands(self) -> tuple[str, ...]:
        """All commands, in order."""
        return tuple(command for step in self.steps for command in step.commands)

    @property
    def inverse(self) -> "Plan":
        """The steps that lead back, last first."""
        undone = (step.inverse for step in reversed(self.steps))
        return Plan(tuple(step for step in undone if step is not None))

    @property
    def lasting(self) -> "Plan":
        """The steps that nothing takes back."""
        return Plan(tuple(step for step in self.steps if step.inverse is None))

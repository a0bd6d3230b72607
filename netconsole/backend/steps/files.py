"""Steps on files and directories."""

from dataclasses import dataclass, replace
from typing import ClassVar

from netconsole.backend.steps.step import Step, words


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make a directory that everyone may read: dnsmasq reads it after dropping root."""

    lasts: ClassVar[bool] = True

    path: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("mkdir", "-p", "-m", "0755", self.path),)

    @property
    def inverse(self) -> Step:
        return RemoveDirectory(self.path, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Remove an empty directory."""

    lasts: ClassVar[bool] = True

    path: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("rmdir", self.path),)

    @property
    def inverse(self) -> Step:
        return MakeDirectory(self.path, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """Write a file whole, atomically, with an explicit mode."""

    lasts: ClassVar[bool] = True

    path: str
    content: str
    mode: int = 0o644
    former: str | None = None
    """What stood there before, None for nothing."""

    @property
    def commands(self) -> tuple[str, ...]:
        return (
            f"{words('printf', '%s', self.content)} > {words(self.path)}",
            words("chmod", f"{self.mode:04o}", self.path),
        )

    @property
    def inverse(self) -> Step:
        if self.former is None:
            return RemoveFile(self.path, self.content, self.mode, subjects=self.subjects)
        return replace(self, content=self.former, former=self.content)


@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """Remove a file."""

    lasts: ClassVar[bool] = True

    path: str
    former: str
    mode: int = 0o644

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("rm", self.path),)

    @property
    def inverse(self) -> Step:
        return WriteFile(self.path, self.former, self.mode, subjects=self.subjects)

"""Steps on what a guest is given instead of DHCP: a file in its image, a config drive."""

from dataclasses import dataclass, field
from typing import ClassVar

from netconsole.backend.steps.step import Step, words

CONFIG_DRIVE_LABEL = "config-2"
"""Of the file system, by which cloud-init finds a config drive."""


@dataclass(frozen=True, slots=True)
class _GuestFileStep(Step):
    lasts: ClassVar[bool] = True
    root: str
    """Where the guest's file system is mounted."""
    path: str
    """Below `root`."""
    content: str

    @property
    def _whole_path(self) -> str:
        return f"{self.root.rstrip('/')}/{self.path}"


@dataclass(frozen=True, slots=True)
class WriteGuestFile(_GuestFileStep):
    """Write a file in a guest's file system, never led out of it by a symbolic link.

    Another image may be mounted there by the time this is taken back: a file that is not the
    former one stays.
    """

    former: str | None = None
    """What stood there before, None for nothing."""
    missing: tuple[str, ...] = ()
    """The directories on the way that have to be made, the outermost first."""

    @property
    def commands(self) -> tuple[str, ...]:
        mode = words("chmod", "0644", self._whole_path)
        write = f"{words('printf', '%s', self.content)} > {words(self._whole_path)}"
        if not self.missing:
            return (write, mode)
        parent = self._whole_path.rpartition("/")[0]
        return (words("mkdir", "-p", "-m", "0755", parent), write, mode)

    @property
    def inverse(self) -> Step:
        if self.former is None:
            return RemoveGuestFile(self.root, self.path, self.content, self.missing)
        return WriteGuestFile(self.root, self.path, self.former, former=self.content)


@dataclass(frozen=True, slots=True)
class RemoveGuestFile(_GuestFileStep):
    """Remove a file from a guest's file system, and the directories that were made for it."""

    made: tuple[str, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        directories = [f"{self.root.rstrip('/')}/{made}" for made in reversed(self.made)]
        remove = words("rm", self._whole_path)
        return (remove, words("rmdir", *directories)) if directories else (remove,)

    @property
    def inverse(self) -> Step:
        return WriteGuestFile(self.root, self.path, self.content, missing=self.made)


@dataclass(frozen=True, slots=True)
class WriteConfigDrive(Step):
    """Write a config drive: an image that a guest sees as a disk and cloud-init reads.

    What its files hold is secret, so that it is neither shown nor kept: what was there before,
    and what was removed, nothing brings back.
    """

    lasts: ClassVar[bool] = True

    path: str
    files: tuple[str, ...]
    """Their paths, relative to the root of the drive."""
    contents: tuple[bytes, ...] = field(
        default=(), repr=False, compare=False, metadata={"secret": True}
    )
    """What each of the files holds, in the same order; none of a step that was read back."""
    replaces: bool = False

    @property
    def commands(self) -> tuple[str, ...]:
        label = CONFIG_DRIVE_LABEL
        directories = sorted({f"{label}/{path.rpartition('/')[0]}" for path in self.files})
        image = ("-output", self.path, "-volid", label, "-joliet", "-rational-rock", label)
        return (
            words("mkdir", "-p", *directories),
            *(
                f"# {words(f'{label}/{path}')}: {len(content)} bytes, not shown"
                for path, content in zip(self.files, self.contents, strict=False)
            ),
            f"(umask 077; {words('genisoimage', '-quiet', *image)})",
        )

    @property
    def inverse(self) -> Step | None:
        return None if self.replaces else RemoveConfigDrive(self.path)


@dataclass(frozen=True, slots=True)
class RemoveConfigDrive(Step):
    """Remove a config drive; another one is made by `netconsole instance inject`."""

    lasts: ClassVar[bool] = True

    path: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("rm", self.path),)

    @property
    def inverse(self) -> None:
        return None

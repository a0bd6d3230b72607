"""Steps on what a guest is given instead of DHCP: a file in its image, a config drive."""

from dataclasses import dataclass
from typing import ClassVar

from netconsole.backend.steps.step import Step, words

CONFIG_DRIVE_LABEL = "config-2"
"""Of the file system, by which cloud-init finds a config drive."""

FileEntry = tuple[str, str]
"""A path and the text in it."""


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

    One that was there before is not kept, so that nothing takes its replacement back.
    """

    lasts: ClassVar[bool] = True

    path: str
    files: tuple[FileEntry, ...]
    """Relative to the root of the drive."""
    replaces: bool = False

    @property
    def commands(self) -> tuple[str, ...]:
        label = CONFIG_DRIVE_LABEL
        directories = sorted({f"{label}/{path.rpartition('/')[0]}" for path, _ in self.files})
        image = ("-output", self.path, "-volid", label, "-joliet", "-rational-rock", label)
        return (
            words("mkdir", "-p", *directories),
            *(
                f"{words('printf', '%s', content)} > {words(f'{label}/{path}')}"
                for path, content in self.files
            ),
            words("genisoimage", "-quiet", *image),
        )

    @property
    def inverse(self) -> Step | None:
        return None if self.replaces else RemoveConfigDrive(self.path, self.files)


@dataclass(frozen=True, slots=True)
class RemoveConfigDrive(Step):
    """Remove a config drive."""

    lasts: ClassVar[bool] = True

    path: str
    files: tuple[FileEntry, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("rm", self.path),)

    @property
    def inverse(self) -> Step:
        return WriteConfigDrive(self.path, self.files)

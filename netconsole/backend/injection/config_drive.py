"""Config drives: ISO 9660 images with the label that cloud-init looks for.

Names stand in them as they are by Rock Ridge, for Linux, and by Joliet, for Windows; the names
of plain ISO 9660 take no small letters.
"""

import io
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from netconsole import __version__
from netconsole.backend.model.errors import Conflict, InvalidValue, StepFailed
from netconsole.backend.steps import CONFIG_DRIVE_LABEL, WriteConfigDrive

DESCRIPTOR = 32768
"""Where an image's primary volume descriptor begins (ECMA-119 section 6.2.1)."""
DIRECTORY_MODE = stat.S_IFDIR | 0o555
FILE_MODE = stat.S_IFREG | 0o444


def replaces(path: str) -> bool:
    """Whether a config drive is there already.

    Raises InvalidValue where none can be written there, and Conflict where something else is: a
    guest's disk is an image as well.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InvalidValue("config drive", path, "must be a file in a directory that is there")
    try:
        if not stat.S_ISREG(target.lstat().st_mode):
            raise Conflict(f"{path}: is no file, left as it is")
        with target.open("rb") as stream:
            stream.seek(DESCRIPTOR)
            descriptor = stream.read(72)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InvalidValue("config drive", path, f"cannot be read: {error.strerror}") from error
    # Type 1, "CD001", version 1; the label is 32 characters wide (ECMA-119 section 8.4).
    if descriptor[:7] != b"\1CD001\1" or descriptor[40:].rstrip() != CONFIG_DRIVE_LABEL.encode():
        raise Conflict(f"{path}: is there and no config drive, left as it is")
    return True


def write(step: WriteConfigDrive) -> None:
    """Write an image, whole or not at all.

    It is root's alone, as there are secrets in it; one that replaces another stays its owner's and
    its group's, as their hypervisor has them read it. Raises StepFailed where it cannot be written.
    """
    target = Path(step.path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".", dir=target.parent)
    except OSError as error:
        raise StepFailed(f"{target}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(image(zip(step.files, step.contents, strict=True)))
            stream.flush()
            if step.replaces:
                _give(handle, target)
            os.fsync(handle)
        Path(temporary).replace(target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise StepFailed(f"{target}: {error.strerror}") from error


def _give(handle: int, former: Path) -> None:
    """Give a file to whom the former one belongs, and let its group do what they could with that.

    mkstemp(3) makes it for its maker alone (mode 0600).
    """
    with suppress(FileNotFoundError):
        found = former.lstat()
        os.fchown(handle, found.st_uid, found.st_gid)
        os.fchmod(handle, stat.S_IMODE(found.st_mode) & (stat.S_IRWXU | stat.S_IRWXG))


def image(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the image that holds these files, by their paths."""
    # Imported here because nothing else needs it.
    from pycdlib import PyCdlib

    iso = PyCdlib()
    iso.new(
        interchange_level=3,
        joliet=3,
        rock_ridge="1.09",
        vol_ident=CONFIG_DRIVE_LABEL,
        pub_ident_str=f"netconsole {__version__}",
    )
    made: set[str] = set()
    for path, content in files:
        for directory in _above(path):
            if directory not in made:
                made.add(directory)
                iso.add_directory(
                    _plain(f"{directory}/").rstrip("/"),
                    rr_name=directory.rpartition("/")[2],
                    joliet_path=f"/{directory}",
                    file_mode=DIRECTORY_MODE,
                )
        iso.add_fp(
            io.BytesIO(content),
            len(content),
            f"{_plain(path)};1",
            rr_name=path.rpartition("/")[2],
            joliet_path=f"/{path}",
            file_mode=FILE_MODE,
        )
    written = io.BytesIO()
    iso.write_fp(written)
    iso.close()
    return written.getvalue()


def _above(path: str) -> Iterator[str]:
    """The directories on the way to a file, the outermost first."""
    names = path.split("/")[:-1]
    for end in range(1, len(names) + 1):
        yield "/".join(names[:end])


def _plain(path: str) -> str:
    """A path in the letters of plain ISO 9660: no dot is in a directory's (ECMA-119 section 7)."""
    directory, _, name = path.upper().rpartition("/")
    return f"/{re.sub(r'[^A-Z0-9_/]', '_', directory)}/{re.sub(r'[^A-Z0-9_.]', '_', name)}"

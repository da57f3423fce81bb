"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

NO_FOLDER = "There is no such folder"
WORDS = {
    (errno.ENOENT, errno.ENOTDIR): NO_FOLDER,
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG): "The disk is full: nothing was written",
    (errno.EACCES, errno.EPERM, errno.EROFS): "It may not be written there",
    (errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY): "There is a folder of that name",
}
"""What a person is told, by the numbers of errors."""


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file; raises an OSError where it cannot be written, and then the one of before is still there."""
    try:
        _write(Path(path), content)
    except OSError as error:
        words = next((said for numbers, said in WORDS.items() if error.errno in numbers), error.strerror)
        # Of the same kind, and of the file that was meant, not of the one beside it.
        raise OSError(error.errno, words or str(error), error.filename if words is NO_FOLDER else str(path)) from error


def _write(target: Path, content: bytes) -> None:
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, NO_FOLDER, str(target.parent))
    # Beside it, as only within a file system a file takes another's place at once.
    temporary = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise

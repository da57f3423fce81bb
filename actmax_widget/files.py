"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file; raises an OSError where it cannot be written, and then the one of before is still there."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(target.parent))
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

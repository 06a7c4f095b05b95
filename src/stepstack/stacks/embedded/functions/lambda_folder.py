"""The working directory of a function: the folder of its code, as `/var/task` is on AWS.

A process has one working directory, and functions run side by side in its threads. On Linux a thread may leave what it shares with the
others (`unshare`); then it and the threads that it starts have a directory of their own. Where that is not possible, on other
systems and in containers that forbid it, relative paths stay relative to the process's directory.

Called by `lambda_runtime`. Source: unshare(2), CLONE_FS.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["enter_folder"]

_CLONE_FS = 0x200


def enter_folder(folder: Path) -> bool:
    """Makes `folder` the working directory of the calling thread, which is nobody else's and ends with the invocation; whether it could.

    Where the folder is gone, the function's import says so.
    """
    libc = _libc()
    if libc is None or libc.unshare(_CLONE_FS) != 0:
        return False
    try:
        os.chdir(folder)
    except OSError:
        return False
    return True


@cache
def _libc() -> Any:
    """The C library, where it has `unshare`."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "unshare") else None

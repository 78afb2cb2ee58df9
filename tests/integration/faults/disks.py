"""A disk that gets full."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE_BYTES = 16 * 1024 * 1024


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A small file system of its own; where none may be mounted, a directory like any other."""
    directory.mkdir()
    mount = shutil.which("mount")
    mounted = mount is not None and _runs(mount, "-t", "tmpfs", "-o", f"size={_SIZE_BYTES}", "none", str(directory))
    try:
        yield directory
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)  # noqa: S607 - where mount is


@contextmanager
def full(disk: Path, *, pid: int = 0, left: int = 0) -> Iterator[None]:
    """Leave no more room than so many bytes. Without a disk of its own, a process has no file grow beyond that.

    Args:
        disk: Of `small_disk`.
        pid: The process; this one by default.
        left: How many bytes.
    """
    if disk.is_mount():
        filling = disk / "filling"
        with filling.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - left))
        try:
            yield
        finally:
            filling.unlink()
    else:
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (left, limits[1]))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def _runs(*command: str) -> bool:
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0

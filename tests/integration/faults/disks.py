"""A small disk that a test can fill."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SIZE_BYTES = 16 * 1024 * 1024


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A small file system; an ordinary directory where the tests may not mount one."""
    directory.mkdir()
    mount = shutil.which("mount")
    mounted = mount is not None and _runs(mount, "-t", "tmpfs", "-o", f"size={_SIZE_BYTES}", "none", str(directory))
    try:
        yield directory
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)  # noqa: S607 - found where mount is found


_ATTEMPTS = 10


@contextmanager
def full(disk: Path, *, pid: int = 0, left: int = 0) -> Iterator[None]:
    """Leave `left` bytes of room. If the disk is an ordinary directory, limit the size of the process's files instead.

    Args:
        disk: A directory of `small_disk`.
        pid: The process whose files are limited; 0 is this process.
        left: Bytes that stay free.
    """
    if disk.is_mount():
        filling = disk / "filling"
        with filling.open("wb") as file:
            for _ in range(_ATTEMPTS):
                # A server that writes in between leaves less room than was just found.
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - left))
                    break
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

"""Gives memory that is no longer used back to the system."""

import ctypes


def release_freed_memory() -> None:
    """Give back what has been freed, where the C library can.

    Loading a model needs much more memory than the model keeps. glibc keeps what is freed for later, in each server
    process. Other C libraries have no `malloc_trim`, and nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

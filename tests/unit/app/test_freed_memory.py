"""Freed memory goes back to the system, where the C library can give it back."""

import ctypes
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.freed_memory import release_freed_memory

_BLOCK_BYTES, _BLOCKS = 2_000, 50_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_most_of_what_was_freed_is_given_back() -> None:
    blocks = [bytes(_BLOCK_BYTES) for _ in range(_BLOCKS)]
    # The last block stays, so that glibc does not give back the rest by itself.
    last = blocks[-1]
    blocks.clear()
    before = _resident_bytes()
    release_freed_memory()
    assert before - _resident_bytes() > _BLOCK_BYTES * _BLOCKS / 2
    assert len(last) == _BLOCK_BYTES


def test_nothing_happens_where_the_c_library_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    release_freed_memory()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()

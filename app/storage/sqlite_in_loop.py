"""SQLite without a thread, for statements that take less time than handing them to one.

aiosqlite hands every call to a thread of the connection, four for one statement. To read a row by its key takes SQLite
a hundredth of that. In WAL mode such a statement never waits for a writer.
"""

import sqlite3
from asyncio import Future
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

_Call = tuple[Future[Any] | None, Callable[[], Any]]


def connect_in_loop(*arguments: Any, **options: Any) -> "InLoopConnection":  # noqa: ANN401 - those of sqlite3.connect
    """An aiosqlite connection that works in the thread of the event loop: SQLAlchemy's `async_creator_fn`."""
    return InLoopConnection(partial(sqlite3.connect, *arguments, **options), iter_chunk_size=64)


class InLoopConnection(aiosqlite.Connection):
    """A connection that does each call at once, where aiosqlite's puts it into the queue of a thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._tx = _DoneAtOnce()  # type: ignore[assignment]

    def __await__(self) -> Any:  # noqa: ANN401 - as in aiosqlite, which starts a thread here
        return self._connect().__await__()


class _DoneAtOnce:
    def put_nowait(self, call: _Call) -> None:
        future, function = call
        try:
            result = function()
        except Exception as error:
            if future is None:
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)

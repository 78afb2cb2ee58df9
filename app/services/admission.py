"""The limit to the number of ranking requests in progress."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import OverloadedError
from app.observability.metrics import REFUSED


class Admission:
    """Limits the requests in progress, and so how long the last one waits.

    A request is refused before anything is read or stored.

    Args:
        places: The largest number of requests in progress.
    """

    def __init__(self, places: int) -> None:
        self._free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place, and give it back when the block ends.

        Raises:
            OverloadedError: If no place is free.
        """
        if self._free == 0:
            REFUSED.inc()
            raise OverloadedError
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

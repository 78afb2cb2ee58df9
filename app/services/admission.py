"""How much is worked on at once before the service says no."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import OverloadedError
from app.observability.metrics import REFUSED


class Admission:
    """Bounds the requests in progress, and so the wait of the last one.

    Who is refused is refused before anything is read or stored.

    Args:
        places: Requests in progress at most.
    """

    def __init__(self, places: int) -> None:
        self._free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place until the block ends.

        Raises:
            OverloadedError: If none is free.
        """
        if self._free == 0:
            REFUSED.inc()
            raise OverloadedError
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

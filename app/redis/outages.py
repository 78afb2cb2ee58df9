"""Pauses the use of Redis while it fails, for code that also works without it."""

import logging
import time

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 5.0


class RedisOutages:
    """Keeps count of outages: after a failure Redis is left alone for moments, and each outage is logged once.

    Args:
        meanwhile: What is done without Redis, for the log.
    """

    def __init__(self, meanwhile: str) -> None:
        self._meanwhile = meanwhile
        self._retry_at = 0.0
        self._failing = False

    @property
    def leave_alone(self) -> bool:
        """Whether the last failure was only moments ago."""
        return time.monotonic() < self._retry_at

    def note_failure(self, error: Exception) -> None:
        """Redis did not do what it was asked for. The error itself is not logged: it may hold the password."""
        self._retry_at = time.monotonic() + _PAUSE_SECONDS
        if not self._failing:
            logger.warning("Redis fails (%s); %s.", type(error).__name__, self._meanwhile)
        self._failing = True

    def note_success(self) -> None:
        """Redis did it."""
        if self._failing:
            logger.info("Redis works again.")
        self._failing = False
        self._retry_at = 0.0

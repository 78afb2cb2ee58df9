"""The function that does one kind of job."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app.settings import Settings

Report = dict[str, Any]
"""The result of a job, as JSON."""

Conclusion = Callable[[AsyncSession], Awaitable[Report]]
"""Runs in the transaction in which a job succeeds, and not at all if the job was cancelled. Returns the report."""


class JobFunction(Protocol):
    """Does one kind of job, in its own thread."""

    def __call__(
        self, parameters: dict[str, Any], *, job_id: str, settings: Settings, progress: Callable[[float], None]
    ) -> Report | Conclusion:
        """Do a job.

        Args:
            parameters: The job's parameters, as JSON.
            job_id: The job's id. An interrupted job is done again under the same id.
            settings: The worker's settings.
            progress: Call it often with the share that is done, 0 to 1. An exception from it ends the work.

        Returns:
            The report, or a function that makes it.
        """

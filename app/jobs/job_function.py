"""What a kind of job has to offer the workers."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app.settings import Settings

Report = dict[str, Any]
"""What a job has found out, as JSON."""

Conclusion = Callable[[AsyncSession], Awaitable[Report]]
"""What is done in the very transaction in which a job succeeds, and not at all if it was cancelled meanwhile."""


class JobFunction(Protocol):
    """Does one kind of job, in a thread of its own."""

    def __call__(
        self, parameters: dict[str, Any], *, job_id: str, settings: Settings, progress: Callable[[float], None]
    ) -> Report | Conclusion:
        """Do a job.

        Args:
            parameters: Of the job, as JSON.
            job_id: Of the job. A job that was interrupted is done again under the same id.
            settings: Of the worker.
            progress: To be called often with the share that is done, 0 to 1; what it raises ends the work.

        Returns:
            The report, or what makes it.
        """

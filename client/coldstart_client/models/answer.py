"""The base of all answers, and pages of lists.

Fields that a newer service adds are ignored, and enumerations that may grow, such as a status, are plain `str`. So the
service can be upgraded before its clients.
"""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[T]):
    """A page of a list, and the cursor of the next page; None on the last one."""

    items: list[T]
    next_cursor: str | None = None

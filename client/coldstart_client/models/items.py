"""The items of the catalogue."""

from coldstart_client.given import AttributeValue
from coldstart_client.models.answer import Answer


class NamedItem(Answer):
    """An item and its title."""

    item_id: str
    title: str | None


class Item(Answer):
    """An item of the catalogue."""

    item_id: str
    title: str | None
    attributes: dict[str, AttributeValue]
    available: bool


class LineError(Answer):
    """A wrong field of an item's line. Lines are numbered from 1."""

    line: int
    item_id: str | None
    field: str
    reason: str


class ItemStream(Answer):
    """The result of a stream: each item was created, updated, unchanged or rejected. `errors` are the first errors."""

    lines: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    error_count: int
    errors: list[LineError]

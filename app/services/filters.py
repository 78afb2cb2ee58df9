"""Checks of filters: the field must be one that items can be filtered by, and the values must exist."""

from collections.abc import Mapping, Sequence

from anyio import to_thread

from app.errors import FieldError
from app.services.model_traffic import ServedModel
from app.suggestions import suggestion
from models.fields import field_type
from models.ranking.catalogue import Catalogue

_COMPARED_VALUES = 2000
"""The most values among which a similar one is looked for. It bounds the time."""
_LONGEST_VALUE = 100


async def filter_errors(
    filters: Mapping[str, Sequence[str]], served: ServedModel, *, where: str = "filter"
) -> list[FieldError]:
    """Errors for filters by a field that has no categories, and by a value that no item has.

    A value that an item has is no error, even if the model does not know it. Nor is a value that the model knows,
    even if no item has it any more: the list is empty then.
    """
    if not filters:
        return []
    # In a thread, because the first filter by a field makes its index.
    return await to_thread.run_sync(errors_in, filters, served.recommender.catalogue, where)


def errors_in(filters: Mapping[str, Sequence[str]], catalogue: Catalogue, where: str = "filter") -> list[FieldError]:
    """The errors of filters of a catalogue, which stand in this field of the request."""
    filterable = [field.name for field in catalogue.model.schema.items.fields if field_type(field).filterable]
    errors = []
    for name, values in filters.items():
        if name not in filterable:
            errors.append(
                FieldError(f"{where}.{name}", f"items cannot be filtered by it; {suggestion(name, filterable)}")
            )
        elif missing := [value for value in values if not catalogue.has_value(name, value)]:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            first = missing[0][:_LONGEST_VALUE]
            near = suggestion(first, catalogue.values(name)[:_COMPARED_VALUES])
            errors.append(FieldError(f"{where}.{name}", f"no item has {first!r}{more}; {near}"))
    return errors

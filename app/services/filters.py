"""Checks of filters: the field must be one that items can be filtered by, and the values must exist."""

from anyio import to_thread

from app.errors import FieldError
from app.services.model_traffic import ServedModel
from app.suggestions import suggestion
from models.fields import field_type
from models.ranking.catalogue import Catalogue
from models.ranking.filters import FieldFilter, Filter

_COMPARED_VALUES = 2000
"""The most values among which a similar one is looked for. It bounds the time."""
_LONGEST_VALUE = 100


async def filter_errors(filters: Filter, served: ServedModel, *, where: str = "filter") -> list[FieldError]:
    """Errors for filters by a field or a condition that items do not have, and by a value that no item has.

    A value that an item has is no error, even if the model does not know it. Nor is a value that the model knows,
    even if no item has it any more, nor any number: the list may be empty then.
    """
    if not filters:
        return []
    # In a thread, because the first filter by a field makes its index.
    return await to_thread.run_sync(errors_in, filters, served.recommender.catalogue, where)


def errors_in(filters: Filter, catalogue: Catalogue, where: str = "filter") -> list[FieldError]:
    """The errors of filters of a catalogue, which stand in this field of the request."""
    kinds = {field.name: field_type(field) for field in catalogue.model.schema.items.fields}
    filterable = [name for name, kind in kinds.items() if kind.filterable]
    errors = []
    for name, conditions in filters.items():
        place = f"{where}.{name}"
        if name not in filterable:
            errors.append(FieldError(place, f"items cannot be filtered by it; {suggestion(name, filterable)}"))
            continue
        if conditions.has_range and not kinds[name].ordered:
            word = "to" if conditions.lowest is None else "from"
            errors.append(FieldError(f"{place}.{word}", "the field has categories, and no numbers"))
        elif _is_empty_range(conditions):
            errors.append(FieldError(f"{place}.from", "must not be more than `to`"))
        for values_place, values in (
            (place, conditions.any_of or ()),
            (f"{place}.all", conditions.all_of),
            (f"{place}.not", conditions.none_of),
        ):
            try:
                missing = [str(value) for value in values if not catalogue.field_values.has(name, value)]
            except ValueError as error:
                errors.append(FieldError(values_place, str(error)))
                continue
            if missing:
                more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
                first = missing[0][:_LONGEST_VALUE]
                near = suggestion(first, catalogue.field_values.of(name)[:_COMPARED_VALUES])
                errors.append(FieldError(values_place, f"no item has {first!r}{more}; {near}"))
    return errors


def _is_empty_range(conditions: FieldFilter) -> bool:
    lowest, highest = conditions.lowest, conditions.highest
    return lowest is not None and highest is not None and lowest > highest

"""Filters as query parameters."""

from collections.abc import Collection, Mapping

from coldstart_client.given import Filter


def pairs(filter: Filter | None) -> list[str] | None:
    """A filter as query parameters."""
    if filter is None:
        return None
    pairs = []
    for field, given in filter.items():
        if not isinstance(given, Mapping):
            pairs += [f"{field}:{value}" for value in given]
            continue
        for word, values in given.items():
            several = values if isinstance(values, Collection) and not isinstance(values, str) else [values]
            pairs += [f"{field}.{word}:{value}" for value in several]
    return pairs

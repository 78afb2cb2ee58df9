"""Values of attributes in requests and databases, with functions that check and split them."""

import math
from collections.abc import Sequence

import polars as pl

AttributeValue = str | float | list[str] | list[float] | None
"""The value of one attribute: a category or a text, a number, several categories, a vector, or None for unknown."""

_VALUE_END = "\x1f"
"""Replaces all separators while a text is split. Texts do not contain this control character."""


def is_storable(text: str) -> bool:
    """Whether files and databases can store a text: they refuse the character 0 and lone surrogates, unlike JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def checked_text(value: object, expected: str) -> str:
    """The value if it is a storable text; otherwise a ValueError that says what is `expected`."""
    if not isinstance(value, str):
        raise ValueError(f"must be {expected}")
    if not is_storable(value):
        raise ValueError(f"must be {expected} of valid characters")
    return value


def checked_number(value: object, expected: str) -> float:
    """The value if it is a finite number; otherwise a ValueError that says what is `expected`."""
    # In Python a bool is an int, and an int may be too large for a float.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError(f"must be {expected}")


def split_text(column: pl.Expr, separators: Sequence[str]) -> pl.Expr:
    """Split the texts of a column at the separators into lists of `clean_parts`."""
    return clean_parts(column.str.replace_many(dict.fromkeys(separators, _VALUE_END)).str.split(_VALUE_END))


def clean_parts(column: pl.Expr) -> pl.Expr:
    """Strip the strings in a column of lists, and drop empty strings."""
    part = pl.element().str.strip_chars()
    return column.list.eval(part.filter(part != ""))

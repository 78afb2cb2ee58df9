"""Plain values of attributes, as requests and databases hold them, and what the kinds share to check and split them."""

import math
from collections.abc import Sequence

import polars as pl

AttributeValue = str | float | list[str] | list[float] | None
"""One attribute of a user or item: a category or a text, a number, several categories, a vector, or unknown."""

_VALUE_END = "\x1f"
"""Stands for all separators while a text is split; text does not contain it."""


def is_storable(text: str) -> bool:
    """Whether files and databases can hold a text: JSON can spell the character 0 and halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def checked_text(value: object, expected: str) -> str:
    """The value if it is a text that can be stored; ValueError says what was `expected`."""
    if not isinstance(value, str):
        raise ValueError(f"must be {expected}")
    if not is_storable(value):
        raise ValueError(f"must be {expected} of valid characters")
    return value


def checked_number(value: object, expected: str) -> float:
    """The value if it is a finite number; ValueError says what was `expected`."""
    # bool is an int to Python, and an int can exceed every float.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError(f"must be {expected}")


def split_text(column: pl.Expr, separators: Sequence[str]) -> pl.Expr:
    """The parts of a column's texts between separators, as lists; see `clean_parts`."""
    return clean_parts(column.str.replace_many(dict.fromkeys(separators, _VALUE_END)).str.split(_VALUE_END))


def clean_parts(column: pl.Expr) -> pl.Expr:
    """A column of lists of strings without surrounding white space and without empty strings."""
    part = pl.element().str.strip_chars()
    return column.list.eval(part.filter(part != ""))

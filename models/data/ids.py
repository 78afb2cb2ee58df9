"""The rule for ids of users, items and events. It is the same in files, in the API and in the database.

An id has 1 to 128 characters, and no control characters. All other characters are allowed, such as the slash of
an article number.
"""

import re

import polars as pl

MAX_ID_LENGTH = 128

CONTROL_CHARACTERS = r"\x00-\x1f\x7f-\x9f"
"""As a part of a regular expression's character class."""

# Includes surrogates: JSON can contain them, but no file or database can store them.
_UNCLEAN = re.compile(rf"[{CONTROL_CHARACTERS}\ud800-\udfff]")
_CONTROL = f"[{CONTROL_CHARACTERS}]"
_WHOLE_FLOAT = r"^(-?(?:0|[1-9]\d*))\.0+$"


def has_unclean_characters(text: str) -> bool:
    """Whether a text has control characters, or surrogates, which are no characters."""
    return _UNCLEAN.search(text) is not None


def canonical_id(text: pl.Expr) -> pl.Expr:
    """The ids of a file's column. `1.0` becomes `1`: data frames write whole numbers so if a number is missing."""
    return text.str.replace(_WHOLE_FLOAT, "${1}")


def id_fault(text: pl.Expr) -> pl.Expr:
    """What is wrong with each id of a file's column, such as "is longer than 128 characters"; null if nothing is."""
    return (
        pl.when(text.str.len_chars() > MAX_ID_LENGTH)
        .then(pl.lit(f"is longer than {MAX_ID_LENGTH} characters"))
        .when(text.str.contains(_CONTROL))
        .then(pl.lit("contains control characters"))
    )


def shown_id(text: pl.Expr) -> pl.Expr:
    """An id as a message shows it: short, and without control characters."""
    clean = text.str.replace_all(_CONTROL, "\N{REPLACEMENT CHARACTER}")
    return pl.when(clean.str.len_chars() > MAX_ID_LENGTH).then(clean.str.slice(0, 60) + "…").otherwise(clean)

"""Reading TOML files that people write, and sentences about what is wrong in them."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a key that exists here",
    "tuple_type": "must be a list in brackets, such as [{}]",
    "list_type": "must be a list in brackets, such as [{}]",
    "string_type": "must be a text in quotes, not {}",
    "float_type": "must be a number, not {}",
    "float_parsing": "must be a number, not {}",
    "int_type": "must be a whole number, not {}",
    "int_parsing": "must be a whole number, not {}",
    "int_from_float": "must be a whole number, not {}",
    "bool_type": "must be true or false, not {}",
    "bool_parsing": "must be true or false, not {}",
    "finite_number": "must be a finite number, not {}",
    "model_type": "must be a table of keys and values, not {}",
    "dict_type": "must be a table of keys and values, not {}",
}
"""By Pydantic's type of an error. The value that was given takes the place of `{}`. Other messages stay."""


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file, with or without a byte order mark.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not TOML in UTF-8.
    """
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def wrong_fields(error: ValidationError, *, whole: str) -> str:
    """What is wrong with each key, in one line.

    Args:
        error: What Pydantic found.
        whole: The name of the whole file, for errors that are not about one key.
    """
    faults = [f"{'.'.join(map(str, fault['loc'])) or whole}: {_sentence(fault)}" for fault in error.errors()]
    return "; ".join(dict.fromkeys(faults))


def _sentence(fault: ErrorDetails) -> str:
    template = _SENTENCES.get(fault["type"])
    if template is None:
        return fault["msg"].removeprefix("Value error, ")
    return template.format(_as_toml(fault["input"]))


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"

"""Text as people compare it: without case, accents and spelling of single letters, in all scripts."""

import re
import unicodedata

_MARKS = re.compile(
    "[\u0300-\u036f"  # accents of Latin, Greek and Cyrillic letters
    "\u0591-\u05bd\u05bf-\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u064b-\u065f\u0670]"  # Arabic vowel signs
)
"""Marks that people leave out when they type. Those of other scripts, such as the voicing marks of kana, make other
words and are kept."""

_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th", "ŧ": "t"}
)
"""Letters that have no decomposition, and what people type for them."""


def folded(text: str) -> str:
    """The text without case, accents and surrounding white space."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold().translate(_PLAIN)
    return unicodedata.normalize("NFKC", plain).strip()

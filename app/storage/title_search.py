"""Titles as a search compares them: without case, accents and punctuation, in all scripts."""

import re
import unicodedata

_MARKS = re.compile(
    "[\u0300-\u036f"  # accents of Latin, Greek and Cyrillic letters
    "\u0591-\u05bd\u05bf-\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u064b-\u065f\u0670]"  # Arabic vowel signs
)
"""Marks that people leave out when they type. Those of other scripts are a part of the spelling."""

_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th", "ŧ": "t"}
)
"""Letters that have no decomposition, and what people type for them."""

_SEPARATORS = re.compile(r"[\s.,;:!?'\"`´*/&()\[\]{}<>«»‹›“”„‘’‚ʼʻ·•…¡¿、。・「」『』【】（）‐‑‒–—―~-]+")


def search_text(title: str) -> str:
    """What is stored beside a title for searches: its words.

    A word with punctuation in it is there in parts and as a whole: `Spider-Man` as `spider man spiderman`.
    """
    parts = [words(token) for token in title.split()]
    whole = ["".join(part) for part in parts if len(part) > 1]
    return " ".join([*(word for part in parts for word in part), *whole])


def words(text: str) -> list[str]:
    """The words of a title or a query, folded. Text of nothing but punctuation is one word."""
    folded = _folded(text)
    return [word for word in _SEPARATORS.split(folded) if word] or ["".join(folded.split())] * bool(folded.strip())


def _folded(text: str) -> str:
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold().translate(_PLAIN)
    return unicodedata.normalize("NFKC", plain)

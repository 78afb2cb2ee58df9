"""Titles as a search compares them: without case, accents and punctuation, in all scripts."""

import re

from models.fields.folding import folded

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
    text = folded(text)
    return [word for word in _SEPARATORS.split(text) if word] or ["".join(text.split())] * bool(text)

"""Baselines for lists: what ranks the catalogue without meta-learning.

The module of a baseline is imported at its first use, as in `models.baselines`.
"""

from collections.abc import Mapping
from pkgutil import resolve_name

from models.baselines.lists.base import BaselineLeftOutError, ListBaseline, ListRanker

_CLASSES: Mapping[str, str] = {
    "popularity": "models.baselines.lists.popularity:Popularity",
    "popularity × mean liked": "models.baselines.lists.liked_popularity:LikedPopularity",
    "item neighbours": "models.baselines.lists.item_neighbours:LikedItemNeighbours",
    "EASE": "models.baselines.lists.ease:EASE",
    "iALS": "models.baselines.lists.ials:IALS",
    "attribute neighbours": "models.baselines.lists.attribute_neighbours:AttributeNeighbours",
}

NEW_ITEM_BASELINES: tuple[str, ...] = ("attribute neighbours",)
"""The names of the baselines that tell new items apart, which the others cannot."""

LIST_BASELINES: tuple[str, ...] = tuple(name for name in _CLASSES if name not in NEW_ITEM_BASELINES)
"""The names of the baselines that rank known items, in the order of the reports. iALS needs an optional package."""


def list_baseline_class(name: str) -> type[ListBaseline]:
    """The class of a baseline for lists."""
    found: type[ListBaseline] = resolve_name(_CLASSES[name])
    return found


__all__ = [
    "LIST_BASELINES",
    "NEW_ITEM_BASELINES",
    "BaselineLeftOutError",
    "ListBaseline",
    "ListRanker",
    "list_baseline_class",
]

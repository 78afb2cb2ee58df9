"""Lets the lists of strangers, who are users without any data, follow a list that is the same for everybody."""

from dataclasses import replace

from app.lists.feedback import ListOptions
from app.services.item_lists import ItemListService
from app.services.model_traffic import ServedModel
from app.strangers_list import StrangersList
from models.ranking import RankingQuery
from models.ranking.query import Leading, RankedBy

_TIMES = 10
"""So many times the items that are wanted are taken from the list. Rules can raise an item from there to the top."""


class StrangersLists:
    """Says what the list of a stranger starts with.

    Args:
        lists: Makes the lists that are the same for everybody.
        default: What strangers get if neither the request nor its scenario says it (`StrangersList.of`).
    """

    def __init__(self, lists: ItemListService, default: str) -> None:
        self._lists = lists
        self._default = default

    async def led(self, query: RankingQuery, options: ListOptions, served: ServedModel) -> RankingQuery:
        """The query with the items that its list starts with, if it is one for a stranger."""
        wanted = StrangersList.of(options.strangers or self._default)
        if wanted.name is None or query.knows_something or query.only is not None:
            return query
        made = await self._lists.of(
            served, wanted.name, n=_TIMES * query.n + len(query.exclude), filters=query.where, days=wanted.days
        )
        return replace(query, leading=Leading(RankedBy(wanted.name), [item.item_id for item in made.items]))

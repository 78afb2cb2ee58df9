"""Items that are like some given items."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import ItemNotFoundError
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import Ranker
from app.services.validation import attribute_errors, missing_item_errors, raise_if_invalid
from models.ranking.similar import SimilarItem, SimilarQuery


@dataclass(frozen=True)
class SimilarList:
    """Similar items, best first, and the model version that found them."""

    items: Sequence[SimilarItem]
    model_version: str


class SimilarItemService:
    """Finds items that are like others. It needs no user."""

    def __init__(self, host: ModelHost, ranker: Ranker) -> None:
        self._host = host
        self._ranker = ranker

    async def to_item(self, query: SimilarQuery) -> SimilarList:
        """The items that are like one item of the catalogue.

        Raises:
            ItemNotFoundError: If the item is not in the catalogue.
            InvalidRequestError: If a filter has a field, a value or a condition that items do not have.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        (item_id,) = query.item_ids
        if served.missing([item_id]):
            raise ItemNotFoundError(item_id)
        return await self._found(served, query)

    async def to_items(self, query: SimilarQuery) -> SimilarList:
        """The items that are like several items of the catalogue, or like a described one.

        Raises:
            InvalidRequestError: If an item is not in the catalogue, or attributes or filters contradict the schema.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        raise_if_invalid(
            missing_item_errors(query.item_ids, served.missing(query.item_ids), where="item_ids"),
            attribute_errors(query.described or {}, served.schema.items),
        )
        return await self._found(served, query)

    async def _found(self, served: ServedModel, query: SimilarQuery) -> SimilarList:
        raise_if_invalid(await filter_errors(query.where, served))
        return SimilarList(await self._ranker.similar(served.recommender, query), served.model_version)

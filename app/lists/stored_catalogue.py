"""The catalogue in the database, as a model takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.lists.item_conversion import hidden_ids, to_entities
from app.storage.current_versions import CurrentVersionsRepository, Versions
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.items import ItemRecord, ItemRepository
from models.artifact import TrainedModel
from models.ranking import Recommender


@dataclass(frozen=True)
class StoredCatalogue:
    """The catalogue of a moment.

    Attributes:
        items: All items.
        new_ratings: By item, its ratings since the model was trained.
        versions: The versions of that moment, or of one before it.
    """

    items: Sequence[ItemRecord]
    new_ratings: Mapping[str, ItemRatings]
    versions: Versions

    def recommender(self, model: TrainedModel) -> Recommender:
        """A recommender of this catalogue. It embeds all items, which may take long."""
        items = to_entities(self.items, model.schema.items)
        return Recommender(model, items, self.new_ratings, hidden_ids(self.items))


async def read_catalogue(session: AsyncSession, model_version: str) -> StoredCatalogue:
    """Read the catalogue and the popularity of its items for a model version."""
    # Versions first: a change between the reads is then read twice, and never missed.
    versions = await CurrentVersionsRepository(session).current()
    items = await ItemRepository(session).catalogue()
    new_ratings = await ItemPopularityRepository(session).changed_since(model_version, 0)
    return StoredCatalogue(items, new_ratings, versions)

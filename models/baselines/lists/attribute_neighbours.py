"""Items with the attributes of liked items: a baseline for new items."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines.lists.base import BaselineLeftOutError, ListBaseline, ListRanker
from models.baselines.lists.rated_items import RatedItems
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.fields import SimilarityConfig
from models.inputs.encoder import FeatureEncoder
from models.inputs.similarity import similarity_blocks


class AttributeNeighbours(ListBaseline):
    """`s = x Σ_f Z_f Z_fᵀ`: the similarities of an item's attributes to those of the liked support items, summed.

    Z_f holds the similarity features of the field f (`similarity_blocks`); x is 1 for a liked support item. A user
    without a liked support item gets the items that resemble all liked items of the training ratings.
    """

    name: ClassVar[str] = "attribute neighbours"

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Compute the features, with vocabularies and scales of the rated items."""
        fields, table = dataset.schema.items.fields, dataset.items.table
        if not fields:
            raise BaselineLeftOutError("Attribute neighbours are left out: the items have no attributes.")
        rated = RatedItems(dataset, training, other_weight=0.0)
        encoder = FeatureEncoder.fit(fields, table[np.flatnonzero(rated.counts)])
        return _Ranker(rated, similarity_blocks(encoder.fields, encoder.encode(table), SimilarityConfig()))


class _Ranker:
    gives_logits = False

    def __init__(self, rated: RatedItems, blocks: Sequence[Tensor]) -> None:
        self._rated = rated
        self._blocks = blocks
        self._likes = rated.matrix.sum(axis=0).A1

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        liked = self._rated.of_batch(batch).toarray()
        liked[~liked.any(axis=1)] = self._likes
        columns = torch.from_numpy(liked.T.astype(np.float64))
        similarities = torch.zeros_like(columns)
        for block in self._blocks:
            similarities += block @ (block.T @ columns)
        return np.asarray(similarities.T.numpy(), dtype=np.float32)

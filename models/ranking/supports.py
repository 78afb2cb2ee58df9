"""The support sets of the users who ask for lists."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.learners.base import Support
from models.ranking.catalogue import Catalogue
from models.ranking.embedded_items import scoring_model
from models.ranking.padding import padded, padding_mask
from models.ranking.query import RankBy, RankingQuery


class QuerySupports:
    """The support sets of B queries, for any scoring model of the catalogue's model."""

    def __init__(self, catalogue: Catalogue, queries: Sequence[RankingQuery]) -> None:
        """Find what the users did, as far as the catalogue has the items."""
        self._catalogue = catalogue
        row_of = catalogue.row_of
        known = [
            [(row, rating) for rating in query.ratings if (row := row_of(rating.item_id)) is not None]
            for query in queries
        ]
        rows = [[row for row, _ in user_ratings] for user_ratings in known]
        self._rated = padded(rows, np.int64)
        self._mask = self._tensor(padding_mask(rows))
        self._ratings = self._tensor(
            padded([[rating.rating for _, rating in user_ratings] for user_ratings in known], np.float32)
        )
        self._times = self._tensor(
            padded([[rating.time for _, rating in user_ratings] for user_ratings in known], np.int64)
        )
        self._now = torch.tensor([query.now for query in queries], device=catalogue.model.device)
        rated_ids = [{rating.item_id for rating in query.ratings} for query in queries]
        self._seen = self._rows([set(query.seen) - ids for query, ids in zip(queries, rated_ids, strict=True)])
        self._skipped = self._rows([set(query.skipped) - ids for query, ids in zip(queries, rated_ids, strict=True)])
        encoded = catalogue.model.manifest.user_encoder.encode_values([query.attributes for query in queries])
        self._users = encoded.to(catalogue.model.device)

    def of(self, rank_by: RankBy) -> Support[Any, Any]:
        """The support sets, embedded by a scoring model."""
        catalogue = self._catalogue
        seen_items = skipped_items = seen_mask = skipped_mask = None
        if self._seen is not None:
            seen_items, seen_mask = catalogue.vectors(self._seen[0], rank_by), self._seen[1]
        if self._skipped is not None:
            skipped_items, skipped_mask = catalogue.vectors(self._skipped[0], rank_by), self._skipped[1]
        return Support(
            users=scoring_model(catalogue.model, rank_by).embed_users(self._users),
            items=catalogue.vectors(self._rated, rank_by),
            ratings=self._ratings,
            mask=self._mask,
            seen_items=seen_items,
            seen_mask=seen_mask,
            skipped_items=skipped_items,
            skipped_mask=skipped_mask,
            times=self._times,
            now=self._now,
        )

    def _rows(self, ids: Sequence[Collection[str]]) -> tuple[NDArray[np.int64], Tensor] | None:
        """The rows of each user's items, padded, and their mask; None if no user has any."""
        if not any(ids):
            return None
        rows = [self._catalogue.rows_of(user_ids) for user_ids in ids]
        return padded(rows, np.int64), self._tensor(padding_mask(rows))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._catalogue.model.device)

"""The support sets of the users who ask for lists."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.inputs.rows import TensorRows
from models.learners.base import Support
from models.ranking.answered import answered, as_ratings, embedded_answers
from models.ranking.catalogue import Catalogue
from models.ranking.embedded_items import scoring_model
from models.ranking.padding import padded, padding_mask
from models.ranking.query import RankBy, RankingQuery

_PaddedRows = tuple[NDArray[np.int64], Tensor]
"""Rows of the items of B users ([B, N]), and where there is no padding (bool [B, N])."""


class QuerySupports:
    """The support sets of B queries, for any scoring model of the catalogue's model."""

    def __init__(self, catalogue: Catalogue, queries: Sequence[RankingQuery]) -> None:
        """Find what the users did, as far as the catalogue has the items."""
        self._catalogue = catalogue
        row_of, kinds = catalogue.row_of, list(catalogue.model.schema.kinds)
        self._ratings = [
            [
                (row, rating.rating, rating.time)
                for rating in query.ratings
                if (row := row_of(rating.item_id)) is not None
            ]
            for query in queries
        ]
        self._answered = [answered(catalogue, query.answers) for query in queries]
        self._now = torch.tensor([query.now for query in queries], device=catalogue.model.device)
        interactions = [
            [
                (row, interaction)
                for interaction in query.counted_interactions(kinds)
                if (row := row_of(interaction.item_id)) is not None
            ]
            for query in queries
        ]
        self._interacted = self._interaction_kinds = self._interaction_times = None
        if any(interactions):
            self._interacted = self._rows([[row for row, _ in of_user] for of_user in interactions])
            self._interaction_kinds = self._padded(
                [[kinds.index(interaction.kind) for _, interaction in of_user] for of_user in interactions], np.int64
            )
            self._interaction_times = self._padded(
                [[interaction.time for _, interaction in of_user] for of_user in interactions], np.int64
            )
        skipped = [
            set(query.skipped)
            - {rating.item_id for rating in query.ratings}
            - {interaction.item_id for interaction in query.interactions}
            for query in queries
        ]
        self._skipped = self._rows([catalogue.rows_of(ids) for ids in skipped]) if any(skipped) else None
        encoded = catalogue.model.manifest.user_encoder.encode_values([query.attributes for query in queries])
        self._users = encoded.to(catalogue.model.device)

    def of(self, rank_by: RankBy) -> Support[Any, Any]:
        """The support sets, embedded by a scoring model."""
        interaction_items, interaction_mask = self._embedded(self._interacted, rank_by)
        skipped_items, skipped_mask = self._embedded(self._skipped, rank_by)
        model = scoring_model(self._catalogue.model, rank_by)
        answers, ratings = None, self._ratings
        if any(self._answered):
            if model.takes_answers:
                answers = embedded_answers(self._catalogue, self._answered, rank_by)
            else:
                ratings = self._with_answers_as_ratings(rank_by)
        rows, mask = self._rows([[row for row, _, _ in of_user] for of_user in ratings])
        return Support(
            users=model.embed_users(self._users),
            items=self._catalogue.vectors(rows, rank_by),
            ratings=self._padded([[rating for _, rating, _ in of_user] for of_user in ratings], np.float32),
            mask=mask,
            interaction_items=interaction_items,
            interaction_kinds=self._interaction_kinds,
            interaction_mask=interaction_mask,
            interaction_times=self._interaction_times,
            skipped_items=skipped_items,
            skipped_mask=skipped_mask,
            times=self._padded([[time for _, _, time in of_user] for of_user in ratings], np.int64),
            now=self._now,
            answers=answers,
        )

    def adapted(self, rank_by: RankBy) -> tuple[Support[Any, Any], Any]:
        """The support sets, embedded by a scoring model, and what its `adapt` makes of them."""
        support = self.of(rank_by)
        return support, scoring_model(self._catalogue.model, rank_by).adapt(support)

    def _with_answers_as_ratings(self, rank_by: RankBy) -> list[list[tuple[int, float, int]]]:
        """The users' ratings, and what they answered as ratings of items that they have not rated, made now."""
        together = []
        for ratings, answers, now in zip(self._ratings, self._answered, self._now.tolist(), strict=True):
            rated = {row for row, *_ in ratings}
            said = as_ratings(answers, self._catalogue.model, rank_by)
            together.append([*ratings, *((row, rating, now) for row, rating in said if row not in rated)])
        return together

    def _embedded(self, items: "_PaddedRows | None", rank_by: RankBy) -> tuple[TensorRows | None, Tensor | None]:
        """Padded items, embedded by a scoring model, and their mask."""
        return (None, None) if items is None else (self._catalogue.vectors(items[0], rank_by), items[1])

    def _rows(self, rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> "_PaddedRows":
        """The rows of each user's items, padded, and their mask."""
        return padded(rows, np.int64), self._tensor(padding_mask(rows))

    def _padded(self, values: Sequence[Sequence[float]], kind: type[np.generic]) -> Tensor:
        return self._tensor(padded(values, kind))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._catalogue.model.device)

"""Ranking a catalogue for one user: adapt, score every item, take the best."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from polars._typing import PolarsDataType
from torch import Tensor

from models.artifact import TrainedModel
from models.candidates.fixed import strategy_scores
from models.candidates.sequential import Asked, SequentialQuestions
from models.candidates.strategy import Candidate, Strategy
from models.content import content_features
from models.data.dataset import Entities
from models.features import ID_FIELD
from models.heads.base import Predictions
from models.learner import Support
from models.schema import AttributeField, AttributeValue, FieldKind

_PRIOR_COUNT = 20.0
"""For a visitor of whom nothing is known: training ratings at which an item's prediction counts half."""

_DIVERSITY = 0.125
"""For the same visitor: what an item loses that is just like one above it, as a share of the rating scale's length."""

_POOL = 10
"""The diverse list is chosen from so many times its length of the best items."""

_POLARS_TYPES: dict[FieldKind, PolarsDataType] = {
    FieldKind.CATEGORICAL: pl.String,
    FieldKind.MULTI_VALUED: pl.List(pl.String),
    FieldKind.CONTINUOUS: pl.Float64,
    FieldKind.TEXT: pl.String,
}


@dataclass(frozen=True)
class RankedItem:
    """A recommendation.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        predicted_rating: What this user is expected to rate it, on the rating scale.
        like_probability: The chance that this user likes it (`RatingScale.liked_from`); None from a model that predicts
            no distribution.
        rank: Place in the list, from 1.
    """

    item_id: str
    title: str | None
    predicted_rating: float
    like_probability: float | None
    rank: int


def entity_table(
    fields: Sequence[AttributeField], rows: Sequence[tuple[str, str | None, Mapping[str, AttributeValue]]]
) -> Entities:
    """Users or items from plain values, such as those of a request or a database.

    Args:
        fields: The schema's.
        rows: Id, title and attributes of each; attributes that are missing are unknown, others are ignored.
    """
    columns = {
        field.name: pl.Series(
            field.name,
            [attributes.get(field.name) for _, _, attributes in rows],
            dtype=_POLARS_TYPES[field.kind],
        )
        for field in fields
    }
    return Entities(
        pl.DataFrame(
            {
                "id": pl.Series("id", [entity_id for entity_id, _, _ in rows], dtype=pl.String),
                "title": pl.Series("title", [title for _, title, _ in rows], dtype=pl.String),
                **columns,
            }
        )
    )


class Recommender:
    """One model over one snapshot of a catalogue; immutable, so that threads share it without locks."""

    def __init__(self, model: TrainedModel, items: Entities) -> None:
        """Encode and embed the whole catalogue."""
        self.model = model
        self.items = items
        self._vectors = self._embed(items)

    def with_changes(self, changed: Entities, removed: Collection[str]) -> "Recommender":
        """The recommender over a changed catalogue; only the changed items are encoded.

        Args:
            changed: New items, and known ones with new attributes.
            removed: Ids of items that are gone; unknown ones are ignored.
        """
        leaving = {*removed, *changed.ids}
        kept = np.array([item_id not in leaving for item_id in self.items.ids], dtype=np.bool_)
        other = object.__new__(Recommender)
        other.model = self.model
        other.items = Entities(pl.concat([self.items.table.filter(kept), changed.table]))
        other._vectors = torch.cat([self._vectors[torch.from_numpy(kept)], self._embed(changed)])
        return other

    def recommend(
        self,
        *,
        attributes: Mapping[str, AttributeValue],
        ratings: Sequence[tuple[str, float]],
        n: int,
        exclude: Collection[str] = (),
        include_rated: bool = False,
        where: Mapping[str, Sequence[str]] | None = None,
    ) -> list[RankedItem]:
        """The items that a user is expected to rate highest.

        Args:
            attributes: What is known of the user, by field; missing fields and unseen values are unknown.
            ratings: The user's ratings; those of items outside the catalogue are ignored.
            n: Most items to return.
            exclude: Items to leave out.
            include_rated: Whether items that were rated may be in the list.
            where: Field → values; only items with one of the values of every field.

        Returns:
            Best first. To a visitor of whom nothing is known, a diverse list of popular items that are liked.

        Raises:
            ValueError: `where` names a field that the items do not have.
        """
        rated = () if include_rated else [item_id for item_id, _ in ratings]
        allowed = self._allowed({*exclude, *rated}, where or {})
        predictions = self._predict(attributes, [pair for pair in ratings if pair[0] in self.items.row_of])
        scores = predictions.score[0].cpu().numpy()
        if ratings or any(value is not None for value in attributes.values()):
            # What people see beside the items must not contradict their order; the score only chooses them.
            means = predictions.mean[0].cpu().numpy()
            rows = sorted(_best(scores, self._counts, allowed, n), key=lambda row: -means[row])
        else:
            rows = self._diverse(scores, allowed, n)
        expected = predictions.mean[0, rows].tolist()
        likes = self._like_probabilities(predictions, rows)
        return [
            RankedItem(
                item_id=self.items.ids[row],
                title=self._titles[row],
                predicted_rating=mean,
                like_probability=like,
                rank=rank,
            )
            for rank, (row, mean, like) in enumerate(zip(rows, expected, likes, strict=True), start=1)
        ]

    def candidates(
        self,
        *,
        strategy: Strategy,
        n: int,
        rated: Collection[str] = (),
        skipped: Collection[str] = (),
        exclude: Collection[str] = (),
        where: Mapping[str, Sequence[str]] | None = None,
        seed: int = 0,
    ) -> list[Candidate]:
        """The items to ask a user about next.

        Args:
            strategy: How to choose them.
            n: Most candidates to return.
            rated: What the user has rated; left out, as is what was skipped. Unknown ids are ignored everywhere.
            skipped: What the user was asked about and could not rate.
            exclude: Items to leave out.
            where: As for `recommend`.
            seed: Of the random strategy.

        Raises:
            ValueError: `where` names a field that the items do not have.
        """
        allowed = self._allowed({*rated, *skipped, *exclude}, where or {})
        if strategy is Strategy.SEQUENTIAL:
            asked = Asked.of_one(self._rows(set(rated)), self._rows(set(skipped) - set(rated)))
            (rows,), (scores,) = self.questions.choose(asked, allowed[None], n)
        else:
            all_scores = strategy_scores(self._statistics, strategy, seed=seed)
            rows = np.array(_best(all_scores, self._counts, allowed, n), dtype=np.int64)
            scores = all_scores[rows]
        return [
            Candidate(self.items.ids[row], self._titles[row], score)
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
        ]

    def _embed(self, items: Entities) -> Tensor:
        rows = self.model.manifest.item_encoder.encode(items.table).to(self.model.device)
        with torch.no_grad():
            return self.model.learner.embed_items(rows)

    def _predict(self, attributes: Mapping[str, AttributeValue], ratings: Sequence[tuple[str, float]]) -> Predictions:
        """Predictions of the whole catalogue, B = 1."""
        device, learner = self.model.device, self.model.learner
        user = entity_table(self.model.schema.users.fields, [("", None, attributes)])
        rated = torch.tensor([self.items.row_of[item_id] for item_id, _ in ratings], dtype=torch.int64)
        with torch.no_grad():
            users = learner.embed_users(self.model.manifest.user_encoder.encode(user.table).to(device))
            support = Support(
                users=users,
                items=self._vectors[rated].unsqueeze(0),
                ratings=torch.tensor([[rating for _, rating in ratings]], device=device, dtype=torch.float32),
                mask=torch.ones(1, len(ratings), dtype=torch.bool, device=device),
            )
            return learner.predict(learner.adapt(support), users, self._vectors.unsqueeze(0))

    def _like_probabilities(self, predictions: Predictions, rows: list[int]) -> list[float | None]:
        if predictions.probabilities is None:
            return [None] * len(rows)
        scale = self.model.schema.rating_scale
        liked = predictions.probabilities[0, rows, scale.level(scale.liked_from) :]
        return list(liked.sum(dim=-1).tolist())

    def _allowed(self, exclude: Collection[str], where: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        """Which items may be in a list; bool [items]."""
        allowed = np.ones(len(self.items), dtype=np.bool_)
        allowed[[self.items.row_of[item_id] for item_id in exclude if item_id in self.items.row_of]] = False
        for name, values in where.items():
            try:
                field = self.model.schema.items.field(name)
            except KeyError as error:
                raise ValueError(f"{name!r} is not a field of the items") from error
            column = self.items.table[name]
            if field.kind is FieldKind.MULTI_VALUED:
                matches = column.list.set_intersection(list(values)).list.len() > 0
            else:
                matches = column.cast(pl.String).is_in(list(values))
            allowed &= matches.fill_null(value=False).to_numpy()
        return allowed

    def _diverse(self, scores: NDArray[np.float32], allowed: NDArray[np.bool_], n: int) -> list[int]:
        """Liked, popular and unlike each other: greedy maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).

        Predictions are drawn towards the mean rating where few ratings back them; then each place goes to the item
        with the highest score less its greatest similarity (cosine of the attributes) to those above.
        """
        mean = self.model.manifest.data.mean_rating
        backed = mean + (scores - mean) * self._counts / (self._counts + _PRIOR_COUNT)
        pool = np.array(_best(backed, self._counts, allowed, _POOL * n), dtype=np.int64)
        similarities = self._attribute_similarities(pool)
        remaining = backed[pool]
        scale = self.model.schema.rating_scale
        penalty = _DIVERSITY * (scale.maximum - scale.minimum)
        closest = np.full(len(pool), -np.inf)
        chosen: list[int] = []
        for _ in range(min(n, len(pool))):
            best = int(np.argmax(remaining - penalty * np.maximum(closest, 0.0)))
            chosen.append(int(pool[best]))
            remaining[best] = -np.inf
            closest = np.maximum(closest, similarities[best])
        return chosen

    def _attribute_similarities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosines of the attributes of some items; float64 [rows, rows], in [0, 1]."""
        encoder = self.model.manifest.item_encoder
        fields = tuple(field for field in encoder.fields if field.name != ID_FIELD)
        features = content_features(fields, encoder.encode(self.items.table[rows]))
        return np.asarray((features @ features.T).toarray() / max(len(fields), 1))

    def _rows(self, item_ids: Collection[str]) -> NDArray[np.int64]:
        """Rows of the items that are in the catalogue, in their order."""
        row_of = self.items.row_of
        return np.array(sorted(row_of[item_id] for item_id in item_ids if item_id in row_of), dtype=np.int64)

    @cached_property
    def questions(self) -> SequentialQuestions:
        """The strategy `sequential` over this catalogue, whose items' rows are those of `items`."""
        trained = self.model.items.row_of
        return SequentialQuestions(
            self.model.exposure.over([trained.get(item_id) for item_id in self.items.ids]),
            self._statistics["rating_entropy"].to_numpy(),
            self.model.learner.last_layer(self._vectors),
        )

    @cached_property
    def _titles(self) -> list[str | None]:
        return self.items.table["title"].to_list()

    @cached_property
    def _statistics(self) -> pl.DataFrame:
        """What training saw of the catalogue's items, in their order; nothing of those that came later."""
        joined = self.items.table.select("id").join(self.model.statistics, on="id", how="left", maintain_order="left")
        return joined.with_columns(pl.exclude("id", "rating_mean").fill_null(0))

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        return np.asarray(self._statistics["rating_count"].to_numpy())


def _best(scores: NDArray[np.floating], counts: NDArray[np.int64], allowed: NDArray[np.bool_], n: int) -> list[int]:
    """Rows of the n highest scores among the allowed, best first; ties go to the more popular, then to the first."""
    rows = np.flatnonzero(allowed)
    if 0 < n < len(rows):
        # All that reach the n-th score, so that ties at the end are resolved like all others.
        least = np.partition(scores[rows], len(rows) - n)[len(rows) - n]
        rows = rows[scores[rows] >= least]
    order = np.lexsort((rows, -counts[rows], -scores[rows]))
    return [int(row) for row in rows[order[:n]]]

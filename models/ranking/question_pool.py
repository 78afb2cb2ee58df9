"""What questions about a catalogue can be about. It is the same for all users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.choice.model import ChoiceItems
from models.elicitation.groups import group_subjects
from models.elicitation.pairs import all_pairs, best_pairs
from models.elicitation.question import QuestionKind, Topic
from models.elicitation.sequential import CHANCE_POWER
from models.elicitation.subject import AnsweredSubject, Subject
from models.elicitation.values import ValueIndex
from models.learners.answers import Answers
from models.learners.base import LastLayer
from models.learners.exposure import Exposure
from models.ranking.answered import embedded_answers
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy

_POPULAR = 2_000
"""Questions are about the items with the most ratings, at most this many. It bounds the time."""

_CLUSTERED = 500
"""Groups are made of the items with the most ratings, at most this many, so that users know them."""

_PAIRED = 60
"""Pairs are made of the items with the most ratings, at most this many. It bounds the time."""

_MOST_VALUES = 80
"""How many attribute values are considered: those that most users can answer about. It bounds the time."""


@dataclass(frozen=True)
class Layer:
    """Items or subjects as a Bayesian last layer sees them (`models.learners.base.LastLayer`).

    Attributes:
        features: float32 [rows, features].
        noise: float32 [rows].
    """

    features: NDArray[np.float32]
    noise: NDArray[np.float32]

    @classmethod
    def of(cls, layer: LastLayer) -> "Layer":
        """The same as arrays."""
        return cls(layer.features.cpu().numpy(), layer.noise.cpu().numpy())

    def __getitem__(self, rows: NDArray[np.int64]) -> "Layer":
        return Layer(self.features[rows], self.noise[rows])

    def append(self, other: "Layer") -> "Layer":
        """These rows, then the other rows."""
        return Layer(np.concatenate([self.features, other.features]), np.concatenate([self.noise, other.noise]))


class QuestionPool:
    """The items and the subjects of questions, with what does not depend on the user. It is made at the first use.

    A learner without a Bayesian last layer, and a model that predicts no ratings, borrow the item vectors of the choice
    model as features: items that the same users choose are taken for items that they like alike. The noise is then the
    mean variance of an item, so one answer explains half of what is unknown about its item.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @cached_property
    def exposure(self) -> Exposure:
        """The model of P(seen) over the rows of the catalogue."""
        catalogue = self._catalogue
        trained_rows = catalogue.model.items.row_of
        all_ids = catalogue.attributes(np.arange(len(catalogue)))["id"]
        exposure = catalogue.model.exposure.over([trained_rows.get(item_id) for item_id in all_ids])
        new_item_counts = np.where(catalogue.trained_counts == 0, catalogue.counts, 0)
        return exposure.with_ratings(new_item_counts, users=catalogue.model.manifest.data.training_users)

    @cached_property
    def items(self) -> NDArray[np.int64]:
        """The rows that questions are about unless there are conditions on them, the most ratings first."""
        return self.best_known(self._catalogue.allowed((), {}))

    def best_known(self, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The allowed rows with the most ratings, at most 2,000, the most ratings first."""
        rows = np.flatnonzero(allowed)
        counts = self._catalogue.counts[rows]
        return rows[best_places(counts.astype(np.float64), counts, _POPULAR)]

    @cached_property
    def subjects(self) -> list[Subject]:
        """The attribute values, groups and pairs that questions can be about.

        Without a rating scale there are pairs only: an answer about the others is a rating.
        """
        catalogue, rows = self._catalogue, self.items
        if catalogue.model.schema.rating_scale is None:
            return self._pairs()
        counts = catalogue.counts[rows]
        values = ValueIndex(catalogue.model.schema.items, catalogue.attributes(rows), counts)
        chances = self._stranger_has_seen(rows)
        attributes = sorted(values.subjects(), key=lambda each: -chances[each.rows].sum())[:_MOST_VALUES]
        groups = group_subjects(self.layer_of_items(rows[:_CLUSTERED]).features, counts[:_CLUSTERED], values)
        return [replace(each, rows=rows[each.rows]) for each in (*attributes, *groups)] + self._pairs()

    @cached_property
    def topics(self) -> list[Topic]:
        """The topic of each subject."""
        name = self._catalogue.name
        return [
            Topic(each.kind, field=each.field, value=each.value)
            if each.kind is QuestionKind.ATTRIBUTE
            else Topic(each.kind, frozenset(name(row)[0] for row in each.rows.tolist()))
            for each in self.subjects
        ]

    @cached_property
    def layer_of_subjects(self) -> Layer:
        """The subjects as the last layer sees them."""
        return self.layer_of_answers([AnsweredSubject(each) for each in self.subjects])

    def layer_of_items(self, rows: NDArray[np.int64]) -> Layer:
        """Some rows as the last layer sees them."""
        learner = self._catalogue.model.learner
        with torch.inference_mode():
            if learner is not None and self._has_last_layer:
                layer = learner.last_layer(self._catalogue.vectors(rows))
                assert layer is not None  # noqa: S101 - it has one
                return Layer.of(layer)
            vectors = self._catalogue.choice_vectors(rows).vector
            return self._borrowed(vectors)

    def layer_of_answers(self, answers: Sequence[AnsweredSubject]) -> Layer:
        """Answers as the last layer sees them."""
        learner = self._catalogue.model.learner
        with torch.inference_mode():
            if learner is not None and self._has_last_layer:
                layer = learner.last_layer_of_answers(embedded_answers(self._catalogue, [answers]))
                assert layer is not None  # noqa: S101 - it has one
                return Layer.of(LastLayer(layer.features[0], layer.noise[0]))
            embedded: Answers[ChoiceItems] = embedded_answers(self._catalogue, [answers], RankBy.CHOICE)
            return self._borrowed((embedded.weights[0].unsqueeze(1) @ embedded.items.vector[0]).squeeze(1))

    def _pairs(self) -> list[Subject]:
        """The pairs of popular items from which a stranger's answer teaches most."""
        rows = self.items
        pairs = all_pairs(rows[:_PAIRED])
        if not pairs:
            return []
        layer, chances = self.layer_of_answers([AnsweredSubject(each) for each in pairs]), self._stranger_has_seen(rows)
        of_items = self.layer_of_items(rows).features
        explained = np.square(of_items @ layer.features.T)
        gains = (chances @ explained) / (np.square(layer.features).sum(axis=1) + layer.noise)
        chance_of = dict(zip(rows.tolist(), chances.tolist(), strict=True))
        answered = np.array(
            [chance_of[first] * chance_of[second] for first, second in (each.rows.tolist() for each in pairs)]
        )
        return best_pairs(pairs, answered**CHANCE_POWER * gains)

    def _stranger_has_seen(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """P(seen) of some rows for an unknown user."""
        exposure = self.exposure.at(rows)
        return np.asarray(exposure.probabilities(np.zeros((1, exposure.loadings.shape[1])))[0])

    @cached_property
    def _has_last_layer(self) -> bool:
        learner = self._catalogue.model.learner
        if learner is None or not learner.takes_answers:
            return False
        return learner.last_layer(self._catalogue.vectors(self.items[:1])) is not None

    def _borrowed(self, vectors: Tensor) -> Layer:
        """Vectors of the choice model (float32 [rows, D]) as features."""
        features = vectors.cpu().numpy()
        return Layer(features, np.full(len(features), self._borrowed_noise, dtype=np.float32))

    @cached_property
    def _borrowed_noise(self) -> float:
        vectors = self._catalogue.choice_vectors(self.items).vector
        return float(vectors.square().sum(dim=1).mean()) if len(self.items) else 1.0

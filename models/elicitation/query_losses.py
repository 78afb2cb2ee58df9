"""How well a model predicts what users rated, and what they chose, from their answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.choice.model import ChoiceItems, ChoiceModel
from models.data.episodes import EpisodeBatch
from models.data.schema import A_RATING
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData
from models.learners.episode_supports import batch_support

_MOST_CHOICES = 20_000
"""Most items among which a choice is predicted: those with the most ratings. It bounds the time."""


@dataclass(frozen=True)
class QueryLosses:
    """The query losses of a trained model.

    Attributes:
        learner: The learner, in evaluation mode; None for a model that predicts no ratings.
        choice: The choice model, likewise.
        data: The data set's users and items, encoded.
        embedded: [items], as the learner embeds them; None without a learner.
        choices: [C], the items among which a choice is predicted.
        columns: int64 [items], the place of each item among `choices`; −1 where it is not among them.
    """

    learner: AnyLearner | None
    choice: ChoiceModel
    data: EncodedData
    embedded: Any
    embedded_choices: ChoiceItems
    choices: NDArray[np.int64]
    columns: NDArray[np.int64]

    @classmethod
    def of(
        cls, learner: AnyLearner | None, choice: ChoiceModel, data: EncodedData, counts: NDArray[np.int64]
    ) -> "QueryLosses":
        """Embed the items.

        Args:
            learner: The learner; None for a model that predicts no ratings.
            choice: The choice model.
            data: The data set's users and items, encoded.
            counts: int64 [items], the number of ratings of each item.
        """
        choices = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CHOICES])
        columns = np.full(len(counts), -1)
        columns[choices] = np.arange(len(choices))
        with torch.no_grad():
            embedded = None if learner is None else learner.eval().embed_items(data.items)
            embedded_choices = choice.eval().embed_items(data.items)
        return cls(learner, choice, data, embedded, embedded_choices, choices, columns)

    def of_ratings(self, batch: EpisodeBatch) -> NDArray[np.float64]:
        """Each user's mean loss of the query ratings, as the learner has it; float64 [B], 0 without any."""
        learner, tensor = self.learner, self.data.tensor
        if learner is None:
            return np.zeros(len(batch.users))
        rated = batch.query_mask if batch.query_kinds is None else batch.query_mask & (batch.query_kinds == A_RATING)
        with torch.no_grad():
            users = learner.embed_users(self.data.users.take(tensor(batch.users)))
            support = batch_support(batch, users, self.embedded.take(tensor(batch.support_items)), tensor)
            items = self.embedded.take(tensor(batch.query_items))
            losses = learner.loss(learner.adapt(support), users, items, tensor(batch.query_ratings))
        return _means(losses, tensor(rated))

    def of_choices(
        self,
        batch: EpisodeBatch,
        liked: NDArray[np.bool_],
        known_items: NDArray[np.int64],
        known: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Each user's mean of −ln P(choose) of the liked query items among unknown items; float64 [B], 0 without any.

        Args:
            batch: The episodes.
            liked: bool [B, Q], the query items that the users like.
            known_items: int64 [L], rows of items.
            known: bool [B, L], which of them each user knows. They are no choices, asked or not: else a question about
                a popular item would help by removing it.
        """
        tensor, items = self.data.tensor, self.embedded_choices
        with torch.no_grad():
            users = self.choice.embed_users(self.data.users.take(tensor(batch.users)))
            support = batch_support(batch, users, items.take(tensor(batch.support_items)), tensor)
            columns = items.take(tensor(self.choices))
            logits = torch.addmm(columns.bias, self.choice.adapt(support), columns.vector.T)
            logits = logits.masked_fill(tensor(self._left_out(known_items, known)), -torch.inf)
            places = self.columns[batch.query_items]
            wanted = tensor(liked & batch.query_mask & (places >= 0))
            shares = logits.gather(1, tensor(places.clip(min=0))) - logits.logsumexp(dim=1, keepdim=True)
        return _means(-shares.masked_fill(~wanted, 0.0), wanted)

    def _left_out(self, items: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The choices that are known items; bool [B, C]."""
        left_out = np.zeros((len(known), len(self.choices)), dtype=np.bool_)
        places = self.columns[items]
        left_out[:, places[places >= 0]] = known[:, places >= 0]
        return left_out


def _means(losses: Tensor, mask: Tensor) -> NDArray[np.float64]:
    """The mean of each row where the mask is set; float64 [B], 0 where it is nowhere set."""
    means = (losses * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return np.asarray(means.cpu().double().numpy())

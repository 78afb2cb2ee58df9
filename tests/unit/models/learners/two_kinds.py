"""Items of two kinds, and users who like one kind and dislike the other: one rating tells which."""

import torch
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import AnyLearner, LearnerConfig, LearnerParts, Support
from models.learners.heads.squared_error import SquaredErrorHead

ITEMS = FeatureEncoder(fields=(CategoricalField(name="kind", values=("first", "second")),))
USERS = FeatureEncoder(fields=(CategoricalField(name="country", values=("here", "there")),))
FIRST, SECOND = 1, 2
SCALE = RatingScale(minimum=1, maximum=5)
LIKED, DISLIKED = 5.0, 1.0


def untrained(config: LearnerConfig, *, seed: int = 0) -> AnyLearner:
    """A learner of these items and users, with the squared-error head."""
    torch.manual_seed(seed)
    inputs = InputConfig(embedding_dim=4, embedding_scale=1.0)
    return config.build(LearnerParts(USERS, ITEMS, inputs, SquaredErrorHead(SCALE), SCALE, 3.0))


def trained(config: LearnerConfig, *, updates: int = 150, attributes_tell: bool = False) -> AnyLearner:
    """A learner trained on random users with up to four ratings.

    Args:
        config: Of the learner.
        updates: Outer updates, of 32 users each.
        attributes_tell: Whether users from `here` like the first kind; if not, their attributes are random.
    """
    learner = untrained(config)
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
    for _ in range(updates):
        favourites = torch.randint(FIRST, SECOND + 1, (32,))
        countries = favourites if attributes_tell else torch.randint(1, 3, (32,))
        kinds = torch.randint(FIRST, SECOND + 1, (32, 8))
        ratings = torch.where(kinds == favourites.unsqueeze(1), LIKED, DISLIKED)
        mask = torch.arange(4) < torch.randint(5, (32, 1))
        users = learner.embed_users(EncodedRows({"country": countries}, 32))
        items = learner.embed_items(EncodedRows({"kind": torch.arange(3)}, 3)).take(kinds)
        adapted = learner.adapt(Support(users, items[:, :4], ratings[:, :4], mask))
        loss = learner.loss(adapted, users, items[:, 4:], ratings[:, 4:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return learner


@torch.no_grad()
def predicted(learner: AnyLearner, rated: list[tuple[int, float]], *, country: int = 0) -> Tensor:
    """What a user with these ratings (kind, rating) gives the first and the second kind; float32 [2]."""
    users = learner.embed_users(EncodedRows({"country": torch.tensor([country])}, 1))
    items = learner.embed_items(EncodedRows({"kind": torch.arange(3)}, 3))
    kinds = torch.tensor([[kind for kind, _ in rated]], dtype=torch.int64)
    ratings = torch.tensor([[rating for _, rating in rated]])
    adapted = learner.adapt(Support(users, items.take(kinds), ratings, torch.ones_like(kinds, dtype=torch.bool)))
    return learner.predict(adapted, users, items[1:].expand(1)).mean[0]

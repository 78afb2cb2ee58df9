"""What the benchmarks of serving rank for, and the least that this must compute."""

import numpy as np
import torch

from benchmarks.harness import Product
from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.splits import Split
from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender
from models.training.preset import Rule


def queries_of(dataset: Dataset, model: TrainedModel, *, support: int, users: int, n: int = 10) -> list[RankingQuery]:
    """Users of whom training saw nothing, with so many of their ratings of the model's items each."""
    known = set(model.items.ids)
    queries = []
    training = Split.of(dataset, model.manifest.split).training
    unseen = np.bincount(dataset.ratings.users[training], minlength=len(dataset.users)) == 0
    for user in np.flatnonzero(unseen):
        rated = slice(dataset.ratings.offsets[user], dataset.ratings.offsets[user + 1])
        named = [
            ItemRating(dataset.items.ids[item], float(rating))
            for item, rating in zip(dataset.ratings.items[rated], dataset.ratings.values[rated], strict=True)
        ]
        ratings = [rating for rating in named if rating.item_id in known][:support]
        if len(ratings) == support:
            attributes = dataset.users.table.drop("id", "title").row(int(user), named=True)
            queries.append(RankingQuery(attributes=attributes, ratings=ratings, n=n))
        if len(queries) == users:
            break
    return queries


def matrix_products(model: TrainedModel, items: int, support: int) -> list[Product]:
    """The matrix products without which one user's scores of a catalogue cannot be had."""
    width = model.learner.embed_items(model.manifest.item_encoder.encode(model.items.table[:1])).shape[1]
    if model.manifest.preset.local_update.rule is Rule.CLOSED_FORM:
        return [Product(1, items, width, 1)]
    hidden = model.manifest.preset.estimator.hidden
    later = zip(hidden, (*hidden[1:], 1), strict=True)
    return [
        Product(1, items, width - 1 - hidden[0], support),
        Product(1, items, support, hidden[0]),
        *(Product(1, items, inputs, outputs) for inputs, outputs in later),
    ]


def support_of(recommender: Recommender, query: RankingQuery) -> Support:
    """A query's user, embedded, for the learner itself."""
    learner, catalogue = recommender.model.learner, recommender.catalogue
    known = [(row, own.rating) for own in query.ratings if (row := catalogue.row_of(own.item_id)) is not None]
    rows = np.array([[row for row, _ in known]], dtype=np.int64)
    return Support(
        users=learner.embed_users(recommender.model.manifest.user_encoder.encode_values([query.attributes])),
        items=catalogue.vectors(rows),
        ratings=torch.tensor([[rating for _, rating in known]]),
        mask=torch.ones(rows.shape, dtype=torch.bool),
    )

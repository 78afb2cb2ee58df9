"""Queries for the benchmarks of serving, and the matrix products that scoring needs."""

from typing import Any

import numpy as np
import torch

from benchmarks.harness import Product, RecordedProducts
from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.splits import Split
from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.query import RankBy


def queries_of(dataset: Dataset, model: TrainedModel, *, support: int, users: int, n: int = 10) -> list[RankingQuery]:
    """Queries of users without training ratings, each with `support` ratings of the model's items."""
    known = set(model.items.ids)
    queries = []
    training = Split.of(dataset, model.split).training
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


def matrix_products(recommender: Recommender, query: RankingQuery) -> list[Product]:
    """The matrix products without which one user's scores of a settled catalogue cannot be had."""
    scorer = recommender.catalogue.parts[0].embedded[RankBy.RATING].scorer
    with torch.inference_mode():
        support = support_of(recommender, query)
        adapted = recommender.model.learner.adapt(support)
        with RecordedProducts() as recorded:
            scorer.scores(adapted, support.users)
    return recorded.products


def support_of(recommender: Recommender, query: RankingQuery) -> Support[Any, Any]:
    """The support set of a query, embedded, for calls of the learner."""
    learner, catalogue = recommender.model.learner, recommender.catalogue
    known = [(row, own.rating) for own in query.ratings if (row := catalogue.row_of(own.item_id)) is not None]
    rows = np.array([[row for row, _ in known]], dtype=np.int64)
    return Support(
        users=learner.embed_users(recommender.model.manifest.user_encoder.encode_values([query.attributes])),
        items=catalogue.vectors(rows),
        ratings=torch.tensor([[rating for _, rating in known]]),
        mask=torch.ones(rows.shape, dtype=torch.bool),
    )

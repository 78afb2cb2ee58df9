"""Query items as rows of a table: attributes of user and item, and statistics of the support set."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from models.baselines.base import distinct_items, shrunk_mean
from models.baselines.collaborative_content import CollaborativeContent
from models.baselines.matrix_factorisation import fold_in, predict_folded_in
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.inputs.content import content_features
from models.inputs.encoder import EncodedRows, FeatureEncoder

_MAX_COLUMNS = 64
"""Most categories or numbers of a field that has columns. Trees would memorise rare categories, and columns cost
memory."""

_PRIOR_RESIDUALS = 1.0
"""Residuals of 0 that are added to every mean residual. Trees learn the rest of the shrinkage from the support
size."""


class AttributeColumns:
    """The attributes of the users or the items as columns.

    Attributes:
        values: float64 [rows, columns], from `BaseField.tree_columns`.
        categorical: The columns that hold indices of categories.
    """

    def __init__(self, encoder: FeatureEncoder, rows: EncodedRows) -> None:
        columns = [np.empty((len(rows), 0))]
        self.categorical: list[int] = []
        for field in encoder.fields:
            added = field.tree_columns(rows.fields[field.name], max_columns=_MAX_COLUMNS)
            if field.tree_columns_are_categories:
                first = sum(column.shape[1] for column in columns)
                self.categorical += range(first, first + added.shape[1])
            columns.append(added)
        self.values = np.hstack(columns)


class EpisodeRows:
    """Makes one row per query item of an episode.

    Attributes:
        categorical: The columns that hold indices of categories.
    """

    def __init__(
        self, users: AttributeColumns, items: AttributeColumns, shared_values: tuple[sparse.csr_matrix, ...]
    ) -> None:
        """Keep the attributes.

        Args:
            users: The attributes of all users.
            items: The attributes of all items.
            shared_values: For every categorical field, float64 [items, values], each item's shares of the values. A
                user's mean residual is computed for each value.
        """
        self._users = users.values
        self._items = items.values
        self._shared_values = shared_values
        self.categorical = [*users.categorical, *(self._users.shape[1] + column for column in items.categorical)]

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Learn vocabularies and scales from the users and items that have training ratings."""
        ratings, schema = dataset.ratings, dataset.schema
        users, items = dataset.users.table, dataset.items.table
        user_encoder = FeatureEncoder.fit(schema.users.fields, users[np.unique(ratings.users[training])])
        item_encoder = FeatureEncoder.fit(schema.items.fields, items[np.unique(ratings.items[training])])
        item_rows = item_encoder.encode(items)
        return cls(
            AttributeColumns(user_encoder, user_encoder.encode(users)),
            AttributeColumns(item_encoder, item_rows),
            tuple(
                normalize(content_features((field,), item_rows), norm="l1")
                for field in item_encoder.fields
                if field.embed and field.category_count is not None
            ),
        )

    def of(self, batch: EpisodeBatch, items: CollaborativeContent) -> NDArray[np.float64]:
        """The rows of a batch's query items, in the order of `batch.query_mask`.

        Args:
            batch: The episodes.
            items: Biases and factors of the items.

        Returns:
            float64 [query items, columns].
        """
        folded_in = fold_in(items, batch)
        support, mask = batch.support_items, batch.support_mask
        residuals = (batch.support_ratings - items.mean - items.biases[support] - folded_in[:, :1]) * mask
        of_users = np.column_stack([*_support_statistics(batch), folded_in[:, 0]])
        of_queries = np.stack(
            [
                predict_folded_in(items, batch, folded_in),
                items.biases[batch.query_items],
                items.counts[batch.query_items],
                *_residuals_of_neighbours(batch, residuals, items),
                *(_residuals_by_value(batch, residuals, values) for values in self._shared_values),
            ],
            axis=2,
        )
        episodes, _ = np.nonzero(batch.query_mask)
        return np.hstack(
            [
                self._users[batch.users[episodes]],
                self._items[batch.query_items[batch.query_mask]],
                of_users[episodes],
                of_queries[batch.query_mask],
            ]
        )


def _support_statistics(batch: EpisodeBatch) -> tuple[NDArray[np.float64], ...]:
    """Size, mean and standard deviation of each support set, three float64 [B]; the last two NaN for an empty one."""
    sizes = batch.support_mask.sum(axis=1).astype(np.float64)
    known = np.where(sizes > 0, sizes, np.nan)
    means = batch.support_ratings.sum(axis=1) / known
    squares = np.square(batch.support_ratings - means[:, None]).sum(axis=1, where=batch.support_mask)
    return sizes, means, np.sqrt(squares / known)


def _residuals_of_neighbours(
    batch: EpisodeBatch, residuals: NDArray[np.float64], items: CollaborativeContent
) -> tuple[NDArray[np.float64], ...]:
    """The mean residuals, weighted by the cosine of the factors and of the attributes; two float64 [B, Q]."""
    distinct, support, query = distinct_items(batch)
    means = []
    for features in (items.factors, items.features):
        vectors = sparse.csr_matrix(normalize(features[distinct]))
        cosines = (vectors @ vectors.T).toarray().clip(min=0.0)
        weights = cosines[query[:, :, None], support[:, None, :]] * batch.support_mask[:, None, :]
        means.append(shrunk_mean(np.einsum("bqs,bs->bq", weights, residuals), weights.sum(axis=2), _PRIOR_RESIDUALS))
    return tuple(means)


def _residuals_by_value(
    batch: EpisodeBatch, residuals: NDArray[np.float64], values: sparse.csr_matrix
) -> NDArray[np.float64]:
    """The mean residual of the support items with each value, averaged over the query item's values; float64 [B, Q].

    Args:
        batch: The episodes.
        residuals: float64 [B, S], 0 where there is padding.
        values: float64 [items, values], each item's shares of the field's values.
    """
    episodes, _ = np.nonzero(batch.support_mask)
    shape = (len(batch.users), values.shape[0])
    chosen = batch.support_items[batch.support_mask]
    sums = sparse.csr_matrix((residuals[batch.support_mask], (episodes, chosen)), shape=shape) @ values
    counts = sparse.csr_matrix((np.ones(len(chosen)), (episodes, chosen)), shape=shape) @ values
    tastes = shrunk_mean(sums.toarray(), counts.toarray(), _PRIOR_RESIDUALS)
    return np.take_along_axis(tastes @ values.T, batch.query_items, axis=1)

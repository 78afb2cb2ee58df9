"""Wide & Deep on the attributes of users and items."""

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.baselines.base import Baseline, shrunk_mean
from models.data.dataset import Dataset, Entities
from models.data.episodes import EpisodeBatch
from models.fields import AttributeField
from models.inputs.config import InputConfig
from models.inputs.content import content_features
from models.inputs.encoder import FeatureEncoder
from models.learners.network import PreferenceEstimator

_SEED = 0
"""Seed of the weights and of the batches. It is fixed, so that the baseline is the same in every report."""

_HIDDEN = (64, 64)
"""Hidden units of the deep part, as in the presets."""

_EPOCHS = 2
"""Epochs, tuned: with more, the network memorises the known items and predicts new ones worse."""

_BATCH_RATINGS = 1024
"""Ratings in a batch."""

_LEARNING_RATE = 1e-3
"""AdamW's learning rate, its default."""

_WEIGHT_DECAY = 1.0
"""AdamW's weight decay, tuned."""

_MAX_CROSSED_VALUES = 64
"""Most values of a field whose categories are crossed. It bounds the memory, and crosses of larger fields would
have few ratings each."""

_PRIOR_USER_RATINGS = 3.0
"""Residuals of 0 that are added to a user's residuals, as in `item_mean_user_bias`."""


class Side:
    """The users or the items as inputs of the network.

    Attributes:
        encoder: The encoder of all fields, for the deep part.
        rows: The encoded rows, for the deep part.
        indicators: float32 [rows, indicators], a constant 1 and the categories that the wide part crosses.
    """

    def __init__(self, entities: Entities, fields: tuple[AttributeField, ...], trained: NDArray[np.integer]) -> None:
        """Encode all rows, with vocabularies and scales of the rows `trained`."""
        self.encoder = FeatureEncoder.fit(fields, entities.table[trained])
        self.rows = self.encoder.encode(entities.table)
        crossed = tuple(
            field
            for field in self.encoder.fields
            if field.embed and field.category_count is not None and field.category_count <= _MAX_CROSSED_VALUES
        )
        categories = content_features(crossed, self.rows).toarray()
        constant = np.ones((len(entities), 1))
        self.indicators = torch.from_numpy(np.hstack([constant, categories]).astype(np.float32))


class WideAndDeepNetwork(nn.Module):
    """`ŷ = aᵀ C b + f(x, z)` (Cheng et al., DLRS 2016, §3), trained jointly.

    The wide part is linear in the products of the user's indicators a and the item's indicators b. Both begin with a
    constant 1, so it is linear in the single indicators too. The deep part f is a `PreferenceEstimator`: a network on
    the embeddings of all attributes x and z.
    """

    def __init__(self, users: Side, items: Side, mean_rating: float) -> None:
        super().__init__()
        self.deep = PreferenceEstimator(
            user_encoder=users.encoder,
            item_encoder=items.encoder,
            inputs=InputConfig(),
            hidden=_HIDDEN,
            mean_rating=mean_rating,
        )
        self.crosses = nn.Parameter(torch.zeros(users.indicators.shape[1], items.indicators.shape[1]))

    def forward(self, users: Side, items: Side, user_rows: Tensor, item_rows: Tensor) -> Tensor:
        """The predicted ratings of user_rows[i] for item_rows[i] (both int64 [n]); float32 [n]."""
        wide = ((users.indicators[user_rows] @ self.crosses) * items.indicators[item_rows]).sum(dim=1)
        deep: Tensor = self.deep(users.rows.take(user_rows), items.rows.take(item_rows))
        return wide + deep


class WideAndDeep(Baseline):
    """A Wide & Deep network g and the user's mean residual: `ŷ_uq = g(u, q) + Σ_j (y_uj − g(u, j)) / (|H_u| + c)`.

    The inputs of the network are attributes alone. The mean residual is not in the paper. Without it the baseline would
    ignore the support set, from which all others take at least the user's bias.
    """

    name: ClassVar[str] = "wide & deep"

    def __init__(self, network: WideAndDeepNetwork, users: Side, items: Side) -> None:
        self._network = network
        self._users = users
        self._items = items

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Train the network on the squared error of single ratings."""
        ratings = dataset.ratings
        user_rows, item_rows, values = ratings.users[training], ratings.items[training], ratings.values[training]
        users = Side(dataset.users, dataset.schema.users.fields, np.unique(user_rows))
        items = Side(dataset.items, dataset.schema.items.fields, np.unique(item_rows))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            network = WideAndDeepNetwork(users, items, float(values.mean(dtype=np.float64)))
        baseline = cls(network, users, items)
        baseline._train(_rows(user_rows), _rows(item_rows), torch.from_numpy(values))
        return baseline

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the sum of the network's output and the user's mean residual."""
        with torch.no_grad():
            support = self._expected(batch.users, batch.support_items)
            query = self._expected(batch.users, batch.query_items)
        residuals = (batch.support_ratings.astype(np.float64) - support) * batch.support_mask
        biases = shrunk_mean(residuals.sum(axis=1), batch.support_mask.sum(axis=1), _PRIOR_USER_RATINGS)
        return (query + biases[:, None]).astype(np.float32)

    def _expected(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """The network's output for users [B] and items [B, N]; float32 [B, N]."""
        user_rows = _rows(users).repeat_interleave(items.shape[1])
        expected: Tensor = self._network(self._users, self._items, user_rows, _rows(items).flatten())
        return expected.numpy().reshape(items.shape)

    def _train(self, user_rows: Tensor, item_rows: Tensor, values: Tensor) -> None:
        generator = torch.Generator().manual_seed(_SEED)
        optimiser = torch.optim.AdamW(self._network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        for _ in range(_EPOCHS):
            for rows in torch.split(torch.randperm(len(values), generator=generator), _BATCH_RATINGS):
                expected = self._network(self._users, self._items, user_rows[rows], item_rows[rows])
                optimiser.zero_grad()
                F.mse_loss(expected, values[rows]).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
                optimiser.step()


def _rows(rows: NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(rows).long()

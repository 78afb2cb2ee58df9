"""Wide & Deep on the attributes of users and items."""

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.baselines.base import Baseline, shrunk_mean
from models.content import content_features
from models.data.dataset import Dataset, Entities
from models.data.episodes import EpisodeBatch
from models.estimator import EstimatorConfig, PreferenceEstimator
from models.features import EncodedRows, FeatureEncoder
from models.schema import AttributeField, FieldKind

_SEED = 0
_EPOCHS = 8
_BATCH_RATINGS = 1024
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 0.1
_MOST_CROSSED_VALUES = 64
"""Only categories of fields with at most so many values are crossed: of others, few ratings would share a cross."""

_PRIOR_USER_RATINGS = 3.0
"""As many residuals of 0 are added to a user's own."""

_CATEGORIES = (FieldKind.CATEGORICAL, FieldKind.MULTI_VALUED)


class Side:
    """The users or the items, as the two parts of the network take them.

    Attributes:
        encoder: Of the deep part's fields, all of the schema's.
        rows: Encoded for the deep part.
        indicators: float32 [rows, indicators], a constant 1 and the categories that the wide part crosses.
    """

    def __init__(self, entities: Entities, fields: tuple[AttributeField, ...], trained: NDArray[np.integer]) -> None:
        """Encode all rows, with vocabularies and scales of the `trained` ones."""
        self.encoder = FeatureEncoder.fit(fields, entities.table[trained])
        self.rows = self.encoder.encode(entities.table)
        crossed = tuple(
            field
            for field in self.encoder.fields
            if field.kind in _CATEGORIES and len(field.values) <= _MOST_CROSSED_VALUES
        )
        categories = content_features(crossed, self.rows).toarray()
        constant = np.ones((len(entities), 1))
        self.indicators = torch.from_numpy(np.hstack([constant, categories]).astype(np.float32))


class WideAndDeepNetwork(nn.Module):
    """`ŷ = aᵀ C b + f(x, z)` (Cheng et al., DLRS 2016, §3), trained jointly.

    The wide part is linear in the cross products of the user's indicators a with the item's indicators b. Because each of
    them begins with a constant 1, it is linear in the indicators themselves, too. The deep part f embeds all attributes
    and has the paper's feed-forward shape.
    """

    def __init__(self, users: Side, items: Side, mean_rating: float) -> None:
        super().__init__()
        self.deep = PreferenceEstimator(
            user_encoder=users.encoder, item_encoder=items.encoder, config=EstimatorConfig(), mean_rating=mean_rating
        )
        self.crosses = nn.Parameter(torch.zeros(users.indicators.shape[1], items.indicators.shape[1]))

    def forward(self, users: Side, items: Side, user_rows: Tensor, item_rows: Tensor) -> Tensor:
        """Expected ratings of user_rows[i] for item_rows[i] (int64 [n]); float32 [n]."""
        wide = ((users.indicators[user_rows] @ self.crosses) * items.indicators[item_rows]).sum(dim=1)
        return wide + self.deep(users.rows.take(user_rows), items.rows.take(item_rows))

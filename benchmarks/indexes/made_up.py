"""Made-up items and users of a choice model, of any number, and what users' lists are by exact scores."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import torch

from models.choice.config import ChoiceConfig
from models.choice.model import ChoiceItems, ChoiceModel
from models.data.schema import DatasetSchema
from models.inputs.config import InputConfig
from models.inputs.encoder import FeatureEncoder
from models.learners.base import Support
from models.training.stages import ITEM_ID

DIMENSIONS = 64
"""Length of the vectors, without the bias."""

_TASTES = 256
_IN_TASTE = 0.8
"""Share of a user's ratings that are of one taste."""

_TASTE_LENGTH = 1.6
"""Mean squared length of a taste's vector: a user with ten ratings of a taste then prefers its items by a factor of
some tens, as users of MovieLens do."""

_RATINGS = 10
_SEED = 0


@dataclass(frozen=True)
class Catalogue:
    """Made-up items.

    A vector is that of one of 256 tastes plus the item's own part. Directions weigh less and less, by the power −1/2 of
    their number, as the principal components of a trained model's vectors do. The bias is the logarithm of a Zipf law.

    Attributes:
        items: [items], biases and vectors.
        tastes: int64 [items], the taste of each item.
    """

    items: ChoiceItems
    tastes: torch.Tensor

    @classmethod
    def of(cls, count: int) -> "Catalogue":
        """So many items."""
        generator = torch.Generator().manual_seed(_SEED)
        spectrum = (1.0 + torch.arange(DIMENSIONS)).rsqrt()
        spectrum *= (_TASTE_LENGTH / spectrum.square().sum()).sqrt()
        tastes = torch.randint(_TASTES, (count,), generator=generator)
        centres = torch.randn(_TASTES, DIMENSIONS, generator=generator) * spectrum
        own = torch.randn(count, DIMENSIONS, generator=generator) * spectrum
        ranks = torch.randperm(count, generator=generator)
        return cls(ChoiceItems(-(ranks + 10.0).log(), centres[tastes] + 0.7 * own, own[:, :0]), tastes)

    def users(self, model: ChoiceModel, count: int) -> torch.Tensor:
        """The vectors of users with ten ratings each, mostly of popular items of one taste; float32 [users, D]."""
        generator = np.random.default_rng(_SEED)
        popular = self.items.bias.topk(min(20_000, len(self.items))).indices.numpy()
        shares = np.exp(self.items.bias.numpy()[popular].astype(np.float64))
        tastes = self.tastes.numpy()[popular]
        rows = np.empty((count, _RATINGS), dtype=np.int64)
        for user in range(count):
            wanted = np.where(tastes == generator.integers(_TASTES), 1.0, 0.0)
            mixed = _IN_TASTE * _normed(wanted * shares) + (1 - _IN_TASTE) * _normed(shares)
            rows[user] = generator.choice(popular, size=_RATINGS, replace=False, p=_normed(mixed))
        support = Support(
            users=model.embed_users(FeatureEncoder(fields=()).encode_values([{}] * count)),
            items=self.items.take(torch.from_numpy(rows)),
            ratings=torch.full((count, _RATINGS), 5.0),
            mask=torch.ones(count, _RATINGS, dtype=torch.bool),
        )
        with torch.inference_mode():
            return model.adapt(support)


def untrained_model() -> tuple[ChoiceModel, Any]:
    """A choice model before training, in which a user is the sum of the items, and a model that holds it.

    The second has what `ScoreSpace` asks a trained model for.
    """
    schema = DatasetSchema.model_validate(
        {
            "name": "made-up",
            "rating_scale": {"minimum": 1, "maximum": 5},
            "ratings": {"files": [{"path": "ratings.csv"}], "user": "user", "item": "item", "rating": "rating"},
        }
    )
    nothing = FeatureEncoder(fields=())
    one = pl.DataFrame({"id": ["one"]})
    torch.manual_seed(_SEED)
    model = ChoiceModel(
        user_encoder=nothing,
        item_encoder=FeatureEncoder.fit((ITEM_ID,), one),
        inputs=InputConfig(),
        schema=schema,
        config=ChoiceConfig(dimensions=DIMENSIONS),
    ).eval()
    manifest = SimpleNamespace(user_encoder=nothing)
    return model, SimpleNamespace(manifest=manifest, schema=schema, device=torch.device("cpu"))


def _normed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    total = values.sum()
    return values / total if total else np.full_like(values, 1 / len(values))

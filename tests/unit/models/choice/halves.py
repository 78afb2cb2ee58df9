"""Data whose right choices are known: even users choose even items, and odd users odd ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.choice.config import ChoiceConfig
from models.choice.model import ChoiceItems, ChoiceModel, ChoiceUsers
from models.choice.trainer import ChoiceData, ChoiceTrainer
from models.data.dataset import Dataset, Entities
from models.data.schema import A_RATING, DatasetSchema
from models.data.splits import Split
from models.learners.base import Support
from models.learners.episode_predictions import EncodedData
from models.learners.melu import MeLUConfig
from models.ranking.padding import padded as padded_rows
from models.ranking.padding import padding_mask
from models.training.preset import Preset
from models.training.stages import fit_encoders
from tests.choice import SMALL_CHOICE
from tests.unit.models.tiny_data import named_entities, tiny_dataset

USERS, ITEMS = 40, 12
"""Item 12 has neither ratings nor attributes."""

PRESET = Preset(name="halves", learner=MeLUConfig(), choice=SMALL_CHOICE)

GENRES: Sequence[list[str] | None] = [*([["even"], ["odd"]] * (ITEMS // 2)), None]

Acts = dict[str, Any]
"""What a user did: `rated` items (row → rating), rows of `seen` and `skipped` items; and the user's `age`."""

_SCHEMA = DatasetSchema.model_validate(
    {
        "name": "halves",
        "rating_scale": {"minimum": 1, "maximum": 5},
        "ratings": {"files": [{"path": "ratings.csv"}], "user": "user", "item": "item", "rating": "rating"},
        "users": {"fields": [{"name": "age", "kind": "continuous"}]},
        "items": {"fields": [{"name": "genre", "kind": "multi_valued"}]},
    }
)


def halves() -> Dataset:
    """User u chooses the items of its parity, all but one; the ratings are of all levels. Ages say nothing."""
    ratings = [
        (user, item, float(1 + (user + item // 2) % 5))
        for user in range(USERS)
        for item in range(user % 2, ITEMS, 2)
        if item // 2 != user // 2 % 6
    ]
    plain = tiny_dataset(ratings, users=USERS, items=ITEMS + 1)
    ages = pl.Series([20.0 + user // 2 for user in range(USERS)])
    return replace(plain, schema=_SCHEMA, users=named_entities("u", USERS, age=ages), items=items_of(GENRES))


def items_of(genres: Sequence[list[str] | None], prefix: str = "i") -> Entities:
    """Items of some genres."""
    return named_entities(prefix, len(genres), genre=pl.Series(genres, dtype=pl.List(pl.String)))


class Halves:
    """A choice model of the data, with its encoders; trained by `train`."""

    def __init__(self, config: ChoiceConfig = SMALL_CHOICE) -> None:
        self.dataset = halves()
        encoders = fit_encoders(self.dataset, Split.everything(self.dataset), PRESET)
        self.user_encoder, self.item_encoder = encoders.users, encoders.items
        torch.manual_seed(0)
        self.model = ChoiceModel(
            user_encoder=self.user_encoder,
            item_encoder=self.item_encoder,
            inputs=PRESET.inputs,
            schema=self.dataset.schema,
            config=config,
        )
        self.encoded = EncodedData(
            users=self.user_encoder.encode(self.dataset.users.table),
            items=self.item_encoder.encode(self.dataset.items.table),
            device=torch.device("cpu"),
        )

    def trainer(self, *, seed: int = 0, validation_users: Sequence[int] = ()) -> ChoiceTrainer:
        """A trainer on the ratings of all users but the validation users."""
        held_out = np.isin(self.dataset.ratings.users, validation_users)
        return ChoiceTrainer(
            self.model,
            ChoiceData(
                dataset=self.dataset,
                training=~held_out,
                validation=held_out if len(validation_users) else None,
                encoded=self.encoded,
                user_encoder=self.user_encoder,
                field_dropout=0.1,
                seed=seed,
            ),
        )

    def support(self, *users: Acts) -> Support[ChoiceUsers, ChoiceItems]:
        """The support sets of users, padded."""
        items = self.model.embed_items(self.encoded.items)

        def padded(kind: str) -> tuple[ChoiceItems, Tensor]:
            rows = [list(user.get(kind, ())) for user in users]
            return items.take(torch.from_numpy(padded_rows(rows, np.int64))), torch.from_numpy(padding_mask(rows))

        (rated, mask), (seen, seen_mask), (skipped, skipped_mask) = map(padded, ("rated", "seen", "skipped"))
        ratings = [list(user.get("rated", {}).values()) for user in users]
        return Support(
            users=self.model.embed_users(self.user_encoder.encode_values([{"age": user.get("age")} for user in users])),
            items=rated,
            ratings=torch.from_numpy(padded_rows(ratings, np.float32)),
            mask=mask,
            interaction_items=seen,
            interaction_kinds=torch.full(seen_mask.shape, A_RATING),
            interaction_mask=seen_mask,
            skipped_items=skipped,
            skipped_mask=skipped_mask,
        )

    def shares(self, *users: Acts, items: ChoiceItems | None = None) -> NDArray[np.float64]:
        """Each user's P(choose) of all items of the data set, or of others; float64 [users, items]."""
        with torch.no_grad():
            items = self.model.embed_items(self.encoded.items) if items is None else items
            support = self.support(*users)
            scores = self.model.prepare(items).scores(self.model.adapt(support), support.users)
        return np.asarray(scores.double().softmax(dim=1).numpy())

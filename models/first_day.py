"""The model of the first day: made from a catalogue alone, before anybody rated or chose anything."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.artifact import DataDescription, Manifest, ModelParts, TrainedModel, load_artifact, save_artifact
from models.data.dataset import Dataset, Entities, Ratings
from models.data.entity_table import entity_table
from models.data.malformed import DataError
from models.data.schema import DatasetSchema
from models.data.splits import SplitConfig
from models.elicitation.statistics import item_statistics
from models.inputs.encoder import FeatureEncoder
from models.learners.episode_predictions import EncodedData
from models.learners.exposure import Exposure
from models.training.preset import Preset
from models.training.stages import ITEM_ID, Encoders

_LOG_LIFT = 4.0
"""The logarithm of the factor by which one choice raises P(choose) of an item with the same attributes, before the
division by √(n + c). It shapes the model of the first day, and no trained model."""


def first_day_model(schema: DatasetSchema, items: Entities, preset: Preset, output: Path) -> TrainedModel:
    """Make a model of a catalogue without any training, and save it as an artifact.

    It is a choice model whose item vectors are a random projection of the attributes (Johnson & Lindenstrauss 1984):
    inner products of vectors are similarities of attributes. So what a user chose or liked raises what is like it, and
    what the user disliked lowers it. All items are equally popular at first; `ChoiceModel.warmed_up` follows the
    interactions as they come. The model predicts no ratings.

    Args:
        schema: The schema of the data that the service will collect.
        items: The catalogue.
        preset: Its choice model and inputs are used; `coldstart-implicit` for interactions.
        output: The artifact's directory.

    Raises:
        ArtifactError: `output` holds something else than an artifact, or cannot be written.
        DataError: The catalogue is empty.
    """
    if not len(items):
        raise DataError("the catalogue has no items")
    # The item vectors follow the attributes already.
    choices = preset.choice.model_copy(update={"attribute_directions": 0})
    preset = preset.model_copy(update={"learner": None, "choice": choices})
    nobody = entity_table(schema.users.fields, [])
    nothing: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
    dataset = Dataset(
        schema=schema,
        users=nobody,
        items=items,
        ratings=Ratings.from_columns(user_count=0, users=nothing, items=nothing, values=nothing.astype(np.float32)),
    )
    encoders = Encoders(
        users=FeatureEncoder.fit(schema.users.fields, nobody.table, preset.inputs.encoding),
        items=FeatureEncoder.fit((*schema.items.fields, ITEM_ID), items.table, preset.inputs.encoding),
    )
    device = torch.device("cpu")
    encoded = EncodedData(encoders.users.encode(nobody.table), encoders.items.encode(items.table), device)
    torch.manual_seed(preset.training.seed)
    choice = preset.build_choice_model(user_encoder=encoders.users, item_encoder=encoders.items, schema=schema)
    choice.follow_attributes(encoded.items, log_lift=_LOG_LIFT)
    training = np.zeros(0, dtype=np.bool_)
    manifest = Manifest(
        created_at=datetime.now(UTC),
        preset=preset,
        data_schema=schema,
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        data=DataDescription(
            name=schema.name,
            path=None,
            fingerprint=dataset.fingerprint,
            training_ratings=0,
            training_users=0,
            training_items=0,
            mean_rating=None,
        ),
        # Nobody was trained on, so a trained version can be compared with this one on its own new users.
        split=SplitConfig(by_id=True),
        history=(),
        choice_history=(),
        metrics={},
    )
    exposure = Exposure(np.full(len(items), preset.exposure.unseen_log_odds), np.zeros((len(items), 1)))
    save_artifact(
        output,
        ModelParts(
            manifest=manifest,
            weights=None,
            choice=choice.state_dict(),
            items=items,
            statistics=item_statistics(choice, encoded, dataset, training).with_columns(outcome_value=pl.lit(0.0)),
            exposure=exposure,
        ),
    )
    return load_artifact(output)

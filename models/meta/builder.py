"""From a preset to the learner that it describes."""

from typing import Any

from models.collaborative_inputs import CollaborativeInputs
from models.estimator import EmbeddingLayers, PreferenceEstimator
from models.features import FeatureEncoder
from models.heads.base import Head
from models.heads.ordinal import OrdinalHead
from models.heads.squared_error import SquaredErrorHead
from models.learner import Learner
from models.meta.closed_form import ClosedFormLearner
from models.meta.gradient import GradientLearner
from models.meta.preset import HeadKind, Preset, Rule
from models.schema import RatingScale

_HEADS: dict[HeadKind, type[SquaredErrorHead | OrdinalHead]] = {
    HeadKind.SQUARED_ERROR: SquaredErrorHead,
    HeadKind.ORDINAL: OrdinalHead,
}


def build_learner(
    preset: Preset,
    *,
    user_encoder: FeatureEncoder,
    item_encoder: FeatureEncoder,
    scale: RatingScale,
    mean_rating: float,
) -> Learner[Any]:
    """The untrained learner that a preset describes; initial weights come from torch's generator."""
    config = preset.estimator
    head: Head = _HEADS[preset.head](scale)
    reception = CollaborativeInputs(item_encoder, rank=config.collaborative_rank) if config.collaborative_rank else None
    if preset.local_update.rule is Rule.CLOSED_FORM:
        return ClosedFormLearner(
            embed_users=EmbeddingLayers(user_encoder, config),
            embed_items=EmbeddingLayers(item_encoder, config),
            reception=reception,
            head=head,
            hidden=config.hidden,
            mean_rating=mean_rating,
        )
    estimator = PreferenceEstimator(
        user_encoder=user_encoder,
        item_encoder=item_encoder,
        config=config,
        mean_rating=mean_rating,
        further_item_inputs=reception.width if reception else 0,
    )
    return GradientLearner(estimator, preset.local_update, head, reception)

"""From a preset to the learner that it describes."""

from typing import Any

from models.data.schema import RatingScale
from models.inputs.collaborative_inputs import CollaborativeInputs
from models.inputs.features import FeatureEncoder
from models.learners.base import Learner
from models.learners.closed_form import ClosedFormLearner
from models.learners.gradient import GradientLearner
from models.learners.heads.base import Head
from models.learners.heads.ordinal import OrdinalHead
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.network import EmbeddingLayers, PreferenceEstimator
from models.training.preset import HeadKind, Preset, Rule

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

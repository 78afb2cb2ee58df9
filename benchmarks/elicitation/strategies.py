"""The strategies of the benchmark by name: those of the service, those of the literature, and other questions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.elicitation.interviews import Interviewer, ItemInterviewer, QuestionInterviewer
from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.splits import Split
from models.elicitation.base import QuestionStrategy
from models.elicitation.fitted.information_gain import InformationGain
from models.elicitation.fitted.maxvol import maxvol_questions
from models.elicitation.fitted.tree import QuestionTree
from models.elicitation.fixed import FixedQuestions
from models.elicitation.question import QuestionKind
from models.elicitation.statistics import adapted_histories
from models.elicitation.strategy import Strategy
from models.evaluation.predictors import encoded_for
from models.ranking import Recommender

REFERENCE = str(Strategy.POPULARITY)


@dataclass(frozen=True)
class Setting:
    """What strategies are made from.

    Attributes:
        dataset: The data set.
        split: Its division.
        model: The model, trained on the training part.
        recommender: The model over the data set's items.
        fitted: By name, the strategies that were fitted on the training ratings so far.
    """

    dataset: Dataset
    split: Split
    model: TrainedModel
    recommender: Recommender
    fitted: dict[str, QuestionStrategy] = field(default_factory=dict)

    @property
    def training(self) -> NDArray[np.bool_]:
        """Bool [ratings], the training ratings."""
        return self.split.training


def gradient_popularity_as_published(setting: Setting) -> FixedQuestions:
    """Gradient × popularity as the paper's published code has it: a squared error e² divided by itself as a constant.

    Its gradient is that of the prediction times 2/|e|, so a rating that happens to be predicted almost exactly counts
    more than all others of its item.
    """
    dataset, model, learner = setting.dataset, setting.model, setting.model.learner
    assert learner is not None  # noqa: S101 - the preset has one
    sums = np.zeros(len(dataset.items))
    for batch, episodes in adapted_histories(learner, encoded_for(model, dataset), dataset, setting.training):
        with torch.no_grad():
            norms = learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items)
            assert norms is not None  # noqa: S101 - the preset's learner has them
            errors = episodes.predictions().mean.numpy() - batch.query_ratings
        mask = batch.query_mask
        scaled = norms.numpy()[mask] / np.maximum(np.abs(errors[mask]), np.finfo(np.float32).eps)
        sums += np.bincount(batch.query_items[mask], weights=scaled, minlength=len(sums))
    # Mean over the users who rated an item, times how many they are: their sum.
    counts = np.bincount(dataset.ratings.items[setting.training], minlength=len(sums))
    return FixedQuestions(sums / max(sums.max(), 1e-12), counts)


FITTED: Mapping[str, Callable[[Setting], QuestionStrategy]] = {
    "gradient_popularity, as published": gradient_popularity_as_published,
    "information gain (IGCN)": lambda setting: InformationGain(setting.dataset, setting.training),
    "decision tree (fMF)": lambda setting: QuestionTree(setting.dataset, setting.training),
    "maxvol (RBMF)": lambda setting: maxvol_questions(setting.dataset, setting.training),
}
"""Strategies that need the training ratings."""

KINDS: Mapping[str, tuple[QuestionKind, ...]] = {
    "attributes": (QuestionKind.ATTRIBUTE,),
    "groups": (QuestionKind.GROUP,),
    "pairs": (QuestionKind.PAIR,),
    "groups and attributes": (QuestionKind.GROUP, QuestionKind.ATTRIBUTE),
    "mixed": tuple(QuestionKind),
}
"""What `Recommender.ask` may ask about."""

NAMES = (REFERENCE, *(str(each) for each in Strategy if each != REFERENCE), *FITTED, *KINDS)


def interviewer(name: str, setting: Setting, *, seed: int) -> Interviewer:
    """The strategy of a name; `seed` is that of the random strategy."""
    if name in KINDS:
        return QuestionInterviewer(setting.recommender, KINDS[name])
    if name in FITTED:
        if name not in setting.fitted:
            setting.fitted[name] = FITTED[name](setting)
        return ItemInterviewer(setting.fitted[name], setting.recommender)
    return ItemInterviewer(setting.recommender.questions(Strategy(name)).with_seed(seed), setting.recommender)

"""The preset `coldstart` with one part taken away each: what that part is worth."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.dataset import Dataset
from models.inputs import collaborative_inputs
from models.inputs.collaborative_inputs import CollaborativeInputs
from models.learners import closed_form
from models.learners.heads.base import SupportSummary
from models.learners.heads.ordinal import OrdinalHead
from models.training.preset import Preset, load_preset


@dataclass(frozen=True)
class Ablation:
    """A preset with less.

    Attributes:
        changes: Of the preset's tables.
        patches: Object, attribute and value, for parts that no preset can leave away: the product has no use for
            such an option.
    """

    changes: dict[str, Any]
    patches: tuple[tuple[Any, str, Any], ...] = ()

    def preset(self) -> Preset:
        """The whole preset."""
        tables = load_preset("coldstart").model_dump()
        for name, change in self.changes.items():
            tables[name] = {**tables[name], **change} if isinstance(change, dict) else change
        return Preset.model_validate(tables)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While training and predicting, what the preset cannot say holds."""
        with ExitStack() as stack:
            for target, attribute, value in self.patches:
                stack.enter_context(patch.object(target, attribute, value))
            yield


def _same_for_everybody(head: OrdinalHead, support: SupportSummary) -> Tensor:
    return support.ratings.new_zeros(len(support.mask), head.scale.level_count + 5)


def _random_order(dataset: Dataset, generator: np.random.Generator) -> NDArray[np.float64]:
    return generator.random(len(dataset.items))


def _without_surprise(fit: Callable[..., None]) -> Callable[..., None]:
    def fit_and_forget(self: CollaborativeInputs, *arguments: object) -> None:
        fit(self, *arguments)
        self.surprise.zero_()

    return fit_and_forget


def _no_content(self: CollaborativeInputs, features: Any) -> Tensor:  # noqa: ANN401 - a sparse matrix, untyped
    return torch.zeros(features.shape[0], self.content_width)


ABLATIONS: dict[str, Ablation] = {
    "a squared error instead of the ordinal head": Ablation({"head": "squared_error"}),
    "one reading of the scale for everybody": Ablation({}, ((OrdinalHead, "_statistics", _same_for_everybody),)),
    "no collaborative inputs": Ablation({"estimator": {"collaborative_rank": 0}}),
    "items never pretend to be new": Ablation({"training": {"new_item_batches": 0.0}}),
    "pretended items predicted out of random folds": Ablation(
        {}, ((collaborative_inputs, "neighbourhood_order", _random_order),)
    ),
    "pretended items without noise": Ablation(
        {}, ((CollaborativeInputs, "fit", _without_surprise(CollaborativeInputs.fit)),)
    ),
    "no content components": Ablation({}, ((CollaborativeInputs, "_project", _no_content),)),
    "the prior does not see what is rated": Ablation({}, ((closed_form, "_RATED_HALF", math.inf),)),
    "no hidden layers": Ablation({"estimator": {"hidden": ()}}),
    "gradient steps instead of the closed form": Ablation(
        {"local_update": {"rule": "gradient", "steps": 5, "rate": 0.02, "prior_ratings": 3.0}}
    ),
}
"""By what is done without."""

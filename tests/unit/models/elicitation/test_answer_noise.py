"""Fitting what answers mean."""

import torch

from models.data.dataset import Dataset
from models.data.splits import Split
from models.elicitation.answer_noise import fit_answers
from models.learners.base import AnyLearner
from models.learners.closed_form import ClosedFormConfig
from models.learners.heads.ordinal import OrdinalConfig
from models.learners.melu import MeLUConfig
from models.training.preset import Preset
from models.training.stages import PreparedData
from tests.choice import SMALL_CHOICE


def untrained(dataset: Dataset, config: ClosedFormConfig | MeLUConfig) -> tuple[AnyLearner, PreparedData]:
    preset = Preset(name="fitted", learner=config, head=OrdinalConfig(), choice=SMALL_CHOICE)
    data = PreparedData.of(dataset, preset, Split.everything(dataset))
    torch.manual_seed(0)
    learner = preset.build_learner(
        user_encoder=data.encoders.users,
        item_encoder=data.encoders.items,
        scale=dataset.schema.rating_scale,
        mean_rating=3.0,
    )
    learner.fit_statistics(dataset, data.split.training, data.encoded.items)
    return learner.eval(), data


def test_fit_changes_the_parameters_of_answers_alone_and_repeats_itself(
    two_tastes: Dataset,
) -> None:
    fitted = []
    for _ in range(2):
        learner, data = untrained(two_tastes, ClosedFormConfig())
        before = {name: value.clone() for name, value in learner.state_dict().items()}
        fit_answers(learner, data.encoded, two_tastes, data.split.training, seed=0)
        after = learner.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed == {"answer_noise", "answer_shift"}
        assert all(torch.isfinite(after[name]).all() for name in changed)
        assert all(parameter.grad is None for parameter in learner.parameters())
        fitted.append([after[name].clone() for name in sorted(changed)])
    torch.testing.assert_close(fitted[0], fitted[1], rtol=0, atol=0)


def test_learner_without_parameters_of_answers_is_left_as_it_is(two_tastes: Dataset) -> None:
    learner, data = untrained(two_tastes, MeLUConfig())
    before = {name: value.clone() for name, value in learner.state_dict().items()}

    fit_answers(learner, data.encoded, two_tastes, data.split.training, seed=0)

    for name, value in learner.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)

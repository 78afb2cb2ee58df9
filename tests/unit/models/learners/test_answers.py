"""Answers to questions about several items, in the closed form: known answers and the normal equations."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.learners.answers import AnswerKind, Answers
from models.learners.base import Support
from models.learners.closed_form import ClosedForm
from models.learners.closed_form_rows import ClosedFormItems, ClosedFormUsers
from tests.unit.models.learners.test_closed_form import latent_of, learner_with, random_support

SIZES = [3, 0, 2]
MEMBERS = 4


@pytest.fixture(scope="module")
def learner() -> ClosedForm:
    """One whose prior mean does not depend on which items are rated, and with an answer as noisy as a rating."""
    learner = learner_with(half_weight_count=None)
    with torch.no_grad():
        learner.answer_noise.fill_(learner.noise.item())
        learner.answer_shift.copy_(torch.tensor([0.0, np.log(np.expm1(1.5))]))
    return learner


def support_of(sizes: list[int] = SIZES) -> tuple[Support[ClosedFormUsers, ClosedFormItems], ClosedFormItems]:
    return random_support(sizes)


def answers_of(
    support: Support[ClosedFormUsers, ClosedFormItems], kind: AnswerKind, count: int = 2
) -> Answers[ClosedFormItems]:
    """Answers about random items: means with random weights, or pairs."""
    generator = torch.Generator().manual_seed(1)
    users = len(support.mask)
    items, _ = random_support([count * MEMBERS] * users, seed=2)
    shape = users, count, MEMBERS
    if kind is AnswerKind.MEAN:
        weights = torch.rand(shape, generator=generator, dtype=torch.float64)
        weights = weights / weights.sum(dim=-1, keepdim=True)
    else:
        weights = torch.tensor([1.0, -1.0, 0.0, 0.0], dtype=torch.float64).expand(shape)
    return Answers(
        items=items.items.map(lambda values: values.unflatten(1, shape[1:])),
        weights=weights,
        values=torch.randint(1, 6, shape[:2], generator=generator).double(),
        kinds=torch.full(shape[:2], kind),
        mask=torch.ones(shape[:2], dtype=torch.bool),
    )


def combined(answers: Answers[ClosedFormItems]) -> ClosedFormItems:
    """The items that the combinations stand for, computed one by one."""
    level, variance, features = answers.items.tensors()
    a = answers.weights
    return ClosedFormItems((a * level).sum(-1), (a**2 * variance).sum(-1), torch.einsum("bam,bamf->baf", a, features))


def test_answer_about_a_group_equals_a_rating_of_its_mean_item(learner: ClosedForm) -> None:
    support, query = support_of()
    answers = answers_of(support, AnswerKind.MEAN, count=1)
    rated = replace(
        support,
        items=support.items.append(combined(answers), dim=1),
        ratings=torch.cat([support.ratings, answers.values], dim=1),
        mask=torch.cat([support.mask, answers.mask], dim=1),
    )

    for actual, expected in zip(
        latent_of(learner, replace(support, answers=answers), query), latent_of(learner, rated, query), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_answer_about_a_pair_observes_the_difference(learner: ClosedForm) -> None:
    """By the normal equations, for a user without ratings."""
    support, query = support_of([0])
    answers = answers_of(support, AnswerKind.PAIR, count=1)
    means, variances = latent_of(learner, replace(support, answers=answers), query)

    levels, unknown, features = (values[0, 0, :2].numpy() for values in answers.items.tensors())
    phi, noise = features[0] - features[1], np.log1p(np.exp(learner.noise.item())) + unknown.sum()
    prior = support.users.prior_mean[0].numpy()
    covariance = np.linalg.inv(np.outer(phi, phi) / noise + np.eye(len(phi)))
    weights = prior + covariance @ phi * (1.5 - (levels[0] - levels[1]) - phi @ prior) / noise
    query_levels, query_unknown, query_features = (values[0].numpy() for values in query.tensors())
    np.testing.assert_allclose(means[0], query_levels + query_features @ weights)
    expected = np.einsum("qf,fg,qg->q", query_features, covariance, query_features) + query_unknown
    np.testing.assert_allclose(variances[0], expected)


@pytest.mark.parametrize("kind", AnswerKind)
def test_padding_and_order_of_answers_do_not_matter(learner: ClosedForm, kind: AnswerKind) -> None:
    support, query = support_of()
    answers = answers_of(support, kind, count=3)
    backwards = Answers(
        answers.items.map(lambda values: values.flip(1)),
        *(values.flip(1) for values in (answers.weights, answers.values, answers.kinds, answers.mask)),
    )
    without_last = replace(answers, mask=answers.mask & torch.tensor([True, True, False]))
    shorter = Answers(
        answers.items.map(lambda values: values[:, :2]),
        *(values[:, :2] for values in (answers.weights, answers.values, answers.kinds, answers.mask)),
    )

    for one, other in ((answers, backwards), (without_last, shorter)):
        for actual, expected in zip(
            latent_of(learner, replace(support, answers=one), query),
            latent_of(learner, replace(support, answers=other), query),
            strict=True,
        ):
            np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_answers_that_are_all_padding_and_answers_before_adaptation_change_nothing(learner: ClosedForm) -> None:
    support, query = support_of()
    answers = answers_of(support, AnswerKind.MEAN)
    nothing = replace(answers, mask=torch.zeros_like(answers.mask))

    np.testing.assert_allclose(
        latent_of(learner, replace(support, answers=nothing), query)[0], latent_of(learner, support, query)[0]
    )
    np.testing.assert_allclose(
        latent_of(learner, replace(support, answers=answers), query, steps=0)[0],
        latent_of(learner, support, query, steps=0)[0],
    )


def test_head_sees_the_support_ratings_alone(learner: ClosedForm) -> None:
    support, _ = support_of()
    summary = learner.adapt(replace(support, answers=answers_of(support, AnswerKind.MEAN))).summary

    assert summary.residuals.shape == summary.leave_one_out.shape == summary.mask.shape == support.mask.shape
    torch.testing.assert_close(summary.residuals, learner.adapt(support).summary.residuals)

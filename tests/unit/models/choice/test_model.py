from dataclasses import replace

import numpy as np
import pytest
import torch

from models.choice.model import ChoiceItems
from models.learners.base import Support
from tests.unit.models.choice.halves import ITEMS, Acts, Halves, items_of

RATED: Acts = {"rated": {0: 5.0, 2: 3.0, 5: 1.0}, "seen": [7], "skipped": [1, 3], "age": 30.0}
NOTHING: Acts = {}


@pytest.fixture(scope="module")
def data() -> Halves:
    """A model with random weights everywhere, so that every term has an effect."""
    data = Halves()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in data.model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        data.model.coefficients.normal_(generator=generator)
        data.model.intercepts.normal_(generator=generator)
    data.model.eval().requires_grad_(requires_grad=False)
    return data


def adapted(data: Halves, *users: Acts, steps: int | None = None) -> torch.Tensor:
    return data.model.adapt(data.support(*users), steps=steps)


def test_user_vector_is_that_of_the_formula(data: Halves) -> None:
    model, items = data.model, data.model.embed_items(data.encoded.items)
    gates, shifts = model.gates_and_shifts.chunk(2, dim=1)

    def said(row: int, kind: float) -> torch.Tensor:
        """Of a rating's place between the points of the scale, a choice without a rating (5) or a skipped item (−1)."""
        return (model.said.weight @ items.vector[row]) * gates[int(kind)] + shifts[int(kind)]

    settling = torch.log1p(torch.exp(model.settling_count))
    chosen = said(0, 4) + said(2, 2) + said(5, 0) + said(7, 5)
    skipped = said(1, -1) + said(3, -1)
    attributes = model.embed_users(data.user_encoder.encode_values([{"age": 30.0}])).vector[0]
    vector = attributes + chosen / torch.sqrt(4 + settling) + skipped / torch.sqrt(2 + settling)
    counts = model.config.count_scale * torch.log1p(torch.tensor([4.0, 2.0]))
    expected = vector + model.completion(torch.cat([vector, counts, torch.zeros(1)]))
    torch.testing.assert_close(adapted(data, RATED)[0], expected, rtol=1e-5, atol=1e-5)

    later = vector + model.later
    expected = later + model.completion(torch.cat([later, counts, torch.ones(1)]))
    support = replace(
        data.support(RATED),
        times=torch.tensor([[10, 30, 20]]),
        interaction_times=torch.tensor([[25]]),
        now=torch.tensor([30]),
    )
    torch.testing.assert_close(model.adapt(support)[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("times", "now"), [([10, 31, 20], 30), ([10, 0, 20], 30), ([10, 30, 20], 0)])
def test_request_before_a_rating_or_with_an_unknown_time_counts_as_without_times(
    data: Halves, times: list[int], now: int
) -> None:
    support = replace(data.support(RATED), times=torch.tensor([times]), now=torch.tensor([now]))
    torch.testing.assert_close(data.model.adapt(support), adapted(data, RATED))


def test_times_of_a_user_without_ratings_change_nothing(data: Halves) -> None:
    without = data.support(NOTHING)
    timed = replace(without, times=torch.zeros_like(without.ratings, dtype=torch.int64), now=torch.tensor([30]))
    torch.testing.assert_close(data.model.adapt(timed), data.model.adapt(without))


def test_scores_are_those_of_the_logits_and_of_the_formula(data: Halves) -> None:
    items, support = data.model.embed_items(data.encoded.items), data.support(RATED, NOTHING)
    users = data.model.adapt(support)
    scores = data.model.prepare(items).scores(users, support.users)
    expected = torch.stack([items.bias + items.vector @ user for user in users])
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(data.model.logits(users, items.expand(2)), expected, rtol=1e-4, atol=1e-5)
    some = torch.tensor([3, 0, 12])
    torch.testing.assert_close(
        data.model.prepare(items).scores(users, support.users, some), expected[:, some], rtol=1e-4, atol=1e-5
    )


def test_order_of_the_support_set_changes_nothing(data: Halves) -> None:
    backwards = {
        **RATED,
        "rated": dict(reversed(RATED["rated"].items())),
        "skipped": RATED["skipped"][::-1],
    }
    torch.testing.assert_close(adapted(data, backwards), adapted(data, RATED), rtol=1e-5, atol=1e-5)


def test_user_alone_and_in_a_batch_with_padding_is_the_same(data: Halves) -> None:
    many: Acts = {"rated": dict.fromkeys(range(10), 4.0), "seen": [10, 11], "skipped": [12, 10, 11]}
    users = (RATED, NOTHING, many, {"seen": [3]})
    alone = torch.cat([adapted(data, user) for user in users])
    torch.testing.assert_close(adapted(data, *users), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("age", [None, 30.0])
def test_no_steps_equal_an_empty_support_set(data: Halves, age: float | None) -> None:
    torch.testing.assert_close(adapted(data, {**RATED, "age": age}, steps=0), adapted(data, {"age": age}))


def test_support_without_what_is_unknown_equals_an_empty_one(data: Halves) -> None:
    full = data.support(NOTHING)
    torch.testing.assert_close(
        data.model.adapt(Support(full.users, full.items, full.ratings, full.mask)), data.model.adapt(full)
    )


def test_rating_between_two_points_of_the_scale_is_interpolated(data: Halves) -> None:
    # The sum over one item is linear in what it says, before the network completes it.
    low, middle, high = (added(data, rating) for rating in (3.0, 3.25, 4.0))
    torch.testing.assert_close(middle, 0.75 * low + 0.25 * high)
    assert not torch.allclose(low, high)


def test_ratings_at_the_ends_of_the_scale_have_the_outer_points(data: Halves) -> None:
    for end, beyond in ((1.0, 0.0), (5.0, 6.0)):
        torch.testing.assert_close(added(data, end), added(data, beyond), rtol=0, atol=0)


def added(data: Halves, rating: float) -> torch.Tensor:
    """What one item of that rating adds to its user's vector."""
    model, support = data.model, data.support({"rated": {2: rating}})
    group = (support.items, model._rating_rows(support.ratings), support.mask)
    return model._moved_by(torch.zeros(1, model.config.dimensions), [group])[0]


def test_rated_seen_and_skipped_items_say_different_things(data: Halves) -> None:
    vectors = [adapted(data, acts) for acts in ({"rated": {0: 5.0}}, {"seen": [0]}, {"skipped": [0]}, NOTHING)]
    for place, one in enumerate(vectors):
        assert all(not torch.allclose(one, other, atol=1e-3) for other in vectors[place + 1 :])


def test_all_users_and_items_have_finite_scores(data: Halves) -> None:
    shares = data.shares(NOTHING, {"age": 1e30}, {"skipped": [12]}, {"seen": list(range(ITEMS))}, RATED)
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_new_item_is_predicted_from_its_attributes_alone(data: Halves) -> None:
    def embedded(*genres: list[str] | None) -> ChoiceItems:
        return data.model.embed_items(data.item_encoder.encode(items_of(genres, "new").table))

    even, odd, again, none = embedded(["even"], ["odd"], ["even"], None).vector
    torch.testing.assert_close(even, again)
    assert not torch.allclose(even, odd)
    blank = embedded(None)
    torch.testing.assert_close(none, blank.vector[0])
    assert blank.bias.isfinite().all()
    # Known items keep what was learned about them, whatever their attributes are.
    known = data.model.embed_items(data.encoded.items)
    torch.testing.assert_close(known.vector[:ITEMS], data.model.vectors(data.encoded.items.fields["id"][:ITEMS]))

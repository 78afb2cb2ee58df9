"""New items that are compared with a user's items by their attributes."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from models.choice.attribute_directions import AttributeDirections
from models.fields import SimilarityConfig
from models.inputs.content import similarity_features
from tests.choice import SMALL_CHOICE
from tests.unit.models.choice.halves import ITEMS, Acts, Halves, items_of

LIFT, SETTLING = 3.0, 1.3
CONFIG = SMALL_CHOICE.model_copy(
    update={"attribute_directions": 2, "attribute_lift": LIFT, "settling_count": SETTLING, "updates": 10}
)


@pytest.fixture(scope="module")
def data() -> Halves:
    trained = Halves(CONFIG)
    trained.trainer().fit(1)
    trained.model.eval().requires_grad_(requires_grad=False)
    return trained


def added_by_attributes(data: Halves, acts: Acts, genres: list[str] | None) -> float:
    """What the attributes add to the logit of a new item: the logit less that of a model without directions."""
    items = data.model.embed_items(data.item_encoder.encode(items_of([genres], "new").table))
    adapted = data.model.adapt(data.support(acts))
    logits = data.model.logits(adapted, items.expand(1))
    taste = items.bias + data.model.taste(items.vector) @ data.model.taste(adapted)[0]
    return float(logits - taste)


@pytest.mark.parametrize(
    ("acts", "weight", "count"),
    [
        ({"rated": {0: 5.0}}, 1.0, 1),
        ({"rated": {0: 1.0}}, -1.0, 1),
        ({"rated": {0: 3.0}}, 0.0, 1),
        ({"rated": {0: 4.0, 2: 5.0}}, 1.5, 2),
        ({"seen": [0]}, 1.0, 1),
        ({"seen": [0, 1]}, 1.0, 2),
        ({"skipped": [0]}, 0.0, 0),
        ({}, 0.0, 0),
    ],
)
def test_a_new_item_is_lifted_by_chosen_items_with_its_attributes(
    data: Halves, acts: Acts, weight: float, count: int
) -> None:
    # Even and odd items have nothing in common, and equal items have the cosine 1.
    settling = float(torch.nn.functional.softplus(data.model.settling_count))
    expected = LIFT * weight / np.sqrt(count + settling)
    assert added_by_attributes(data, acts, ["even"]) == pytest.approx(expected, abs=1e-5)
    assert added_by_attributes(data, acts, None) == pytest.approx(0.0, abs=1e-5)


def test_attributes_do_not_lift_known_items(data: Halves) -> None:
    items = data.model.embed_items(data.encoded.items)
    assert items.vector.shape[1] == CONFIG.dimensions + data.model.item_attributes.width
    assert not items.vector[:ITEMS, CONFIG.dimensions :].any()
    assert items.attributes[:ITEMS].any()


def test_training_is_the_same_with_and_without_directions(data: Halves) -> None:
    plain = Halves(CONFIG.model_copy(update={"attribute_directions": 0}))
    plain.trainer().fit(1)
    weights = data.model.state_dict()
    for name, values in plain.model.state_dict().items():
        torch.testing.assert_close(values, weights[name])
    assert set(weights) - set(plain.model.state_dict()) == {"item_attributes.directions"}


def test_vectors_are_the_whitened_singular_vectors_of_the_attributes() -> None:
    generator = np.random.default_rng(3)
    names = ["a", "b", "c", "d", "e"]
    genres = [sorted(generator.choice(names, size=size, replace=False)) for size in generator.integers(1, 4, size=9)]
    data, similarity = Halves(), SimilarityConfig()
    table = items_of([list(map(str, row)) for row in genres]).table
    encoder = data.item_encoder.fit(data.dataset.schema.items.fields, table)
    rows = encoder.encode(table)
    directions = AttributeDirections(encoder.fields, similarity, count=3, known_items=9)
    directions.fit(rows)
    features = similarity_features(encoder.fields, rows, similarity).toarray()
    left = np.linalg.svd(features)[0][:, :3] * features.any(axis=1, keepdims=True)
    units = left / np.linalg.norm(left, axis=1, keepdims=True).clip(min=1e-12)
    vectors = directions(rows).numpy()
    np.testing.assert_allclose(vectors @ vectors.T, units @ units.T, atol=1e-5)


def test_items_with_equal_attributes_have_finite_directions() -> None:
    data = Halves()
    fields = tuple(field for field in data.item_encoder.fields if field.name == "genre")
    directions = AttributeDirections(fields, SimilarityConfig(), count=2, known_items=ITEMS)
    directions.fit(data.encoded.items.take(torch.tensor([0, 2, 4])))
    vectors = directions(data.encoded.items)
    assert vectors.isfinite().all()
    for first, second in pairwise(vectors[[0, 2, 4]]):
        torch.testing.assert_close(first, second)
    assert not vectors[ITEMS].any()

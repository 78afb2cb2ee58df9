import numpy as np

from models.baselines.collaborative_content import CollaborativeContent
from tests.unit.models.tiny_data import tiny_dataset

# All users rate films before 2000 with 1 and films from 2000 on with 5. The last two films have no ratings.
YEARS = [1990.0 + year for year in range(20)] + [1992.0, 2007.0]
OLD, RECENT = 20, 21
DATASET = tiny_dataset(
    [(user, item, 1.0 if YEARS[item] < 2000 else 5.0) for user in range(60) for item in range(20)],
    users=60,
    items=22,
    years=YEARS,
)
ALL = np.ones(len(DATASET.ratings), dtype=np.bool_)


def test_biases_of_new_items_are_predicted_from_attributes() -> None:
    items = CollaborativeContent.fit(DATASET, ALL)
    assert items.counts[[OLD, RECENT]].tolist() == [0, 0]
    assert items.biases[OLD] < -0.5
    assert items.biases[RECENT] > 0.5


def test_biases_of_rated_items_are_those_of_the_factorisation() -> None:
    items = CollaborativeContent.fit(DATASET, ALL)
    assert items.biases[0] < items.biases[OLD]
    assert items.biases[19] > items.biases[RECENT]


def test_items_as_new_do_not_use_their_ratings() -> None:
    known = CollaborativeContent.fit(DATASET, ALL)
    new = known.as_new(np.array(YEARS))
    assert not new.counts.any()
    assert (np.abs(new.biases[:20]) < np.abs(known.biases[:20])).all()
    np.testing.assert_array_equal(new.biases[20:], known.biases[20:])


def test_new_items_without_attributes_are_all_the_same() -> None:
    dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 5.0), (0, 1, 1.0), (1, 1, 1.0)], users=2, items=4)
    items = CollaborativeContent.fit(dataset, np.ones(4, dtype=np.bool_))
    assert items.biases[0] > items.biases[2] == items.biases[3] > items.biases[1]

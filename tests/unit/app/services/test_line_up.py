from pathlib import Path

import numpy as np
import pytest

from app.services.line_up import LineUp, Serving, place_of
from models.artifact import load_artifact
from models.ranking import Recommender

USERS = [f"user{number}" for number in range(10_000)]


@pytest.fixture(scope="module")
def active(model_dir: Path) -> Serving:
    model = load_artifact(model_dir)
    return Serving(Recommender(model, model.items), catalogue=3, popularity=1)


@pytest.fixture(scope="module")
def challenger(other_model_dir: Path) -> Serving:
    model = load_artifact(other_model_dir)
    return Serving(Recommender(model, model.items), catalogue=2, popularity=4)


def test_places_are_spread_evenly() -> None:
    counts, _ = np.histogram([place_of(user, "b") for user in USERS], bins=20, range=(0, 100))

    assert counts.sum() == len(USERS)
    assert abs(counts - 500).max() < 100  # more than four standard deviations


def test_a_place_is_the_same_everywhere_and_for_good() -> None:
    assert place_of("ada", "tiny-1") == pytest.approx(14.1721, abs=1e-3)


def test_each_challenger_has_an_order_of_its_own() -> None:
    both = sum(place_of(user, "b") < 20 and place_of(user, "c") < 20 for user in USERS)

    assert abs(both / len(USERS) - 0.04) < 0.01


def test_raising_the_percentage_moves_nobody_back(active: Serving, challenger: Serving) -> None:
    ten, twenty = (
        {user for user in USERS if LineUp(active, challenger, percent).serving(user) is challenger}
        for percent in (10.0, 20.0)
    )

    assert ten < twenty
    assert 900 < len(ten) < 1100
    assert 1850 < len(twenty) < 2150


def test_somebody_without_an_id_gets_the_active_one(active: Serving, challenger: Serving) -> None:
    assert LineUp(active, challenger, 99.9).serving(None) is active


def test_the_catalogue_is_what_both_have_reached(active: Serving, challenger: Serving) -> None:
    assert LineUp(active).catalogue == 3
    both = LineUp(active, challenger, 1.0)

    assert (both.catalogue, both.popularity) == (2, 1)
    assert both.is_behind(LineUp(active))
    assert not LineUp(active).is_behind(both)

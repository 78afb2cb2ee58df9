from pathlib import Path

import numpy as np
import pytest

from app.services.model_traffic import ModelTraffic, ServedModel, traffic_position
from models.artifact import load_artifact
from models.ranking import Recommender

USERS = [f"user{number}" for number in range(10_000)]


@pytest.fixture(scope="module")
def active(model_dir: Path) -> ServedModel:
    model = load_artifact(model_dir)
    return ServedModel(Recommender(model, model.items), catalogue=3, popularity=1)


@pytest.fixture(scope="module")
def challenger(other_model_dir: Path) -> ServedModel:
    model = load_artifact(other_model_dir)
    return ServedModel(Recommender(model, model.items), catalogue=2, popularity=4)


def test_traffic_position_of_many_users_is_spread_evenly() -> None:
    counts, _ = np.histogram([traffic_position(user, "b") for user in USERS], bins=20, range=(0, 100))

    assert counts.sum() == len(USERS)
    assert abs(counts - 500).max() < 100  # more than four standard deviations


def test_traffic_position_of_a_user_never_changes() -> None:
    assert traffic_position("ada", "tiny-1") == pytest.approx(14.1721, abs=1e-3)


def test_traffic_position_depends_on_the_challenger() -> None:
    both = sum(traffic_position(user, "b") < 20 and traffic_position(user, "c") < 20 for user in USERS)

    assert abs(both / len(USERS) - 0.04) < 0.01


def test_model_for_with_a_larger_percentage_keeps_the_challengers_users(
    active: ServedModel, challenger: ServedModel
) -> None:
    ten, twenty = (
        {user for user in USERS if ModelTraffic(active, challenger, percent).model_for(user) is challenger}
        for percent in (10.0, 20.0)
    )

    assert ten < twenty
    assert 900 < len(ten) < 1100
    assert 1850 < len(twenty) < 2150


def test_model_for_no_user_is_the_active_model(active: ServedModel, challenger: ServedModel) -> None:
    assert ModelTraffic(active, challenger, 99.9).model_for(None) is active


def test_catalogue_of_two_models_is_the_older_one(active: ServedModel, challenger: ServedModel) -> None:
    assert ModelTraffic(active).catalogue == 3
    both = ModelTraffic(active, challenger, 1.0)

    assert (both.catalogue, both.popularity) == (2, 1)
    assert both.is_behind(ModelTraffic(active))
    assert not ModelTraffic(active).is_behind(both)

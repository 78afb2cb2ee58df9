from collections.abc import Iterator

import pytest

from models.artifact import TrainedModel
from models.ranking import Recommender


@pytest.fixture(scope="module", params=["small catalogue", "large catalogue"])
def recommender(request: pytest.FixtureRequest, model: TrainedModel) -> Iterator[Recommender]:
    """A recommender over a small catalogue, and over a large one with recent changes and all items shortlisted."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "large catalogue":
            patch.setattr("models.ranking.part.EXACT_ITEMS", 10)
            patch.setattr("models.ranking.catalogue._RECENT_SHARE", 1.0)
        yield Recommender(model, model.items)

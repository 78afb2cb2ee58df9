"""The searches of the presets' settings, stored beside the presets."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.learners.search_space import Between, OneOf
from models.training.preset import PRESETS

SEARCHES = PRESETS / "searches"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trial(_Part):
    """One setting and how good it was.

    Attributes:
        settings: By path, the values that were tried.
        value: The preset's stopping measure of the validation users after the best epoch; None if it was no number.
        mae: Their MAE after that epoch.
        epochs: How many epochs were trained.
        seconds: How long training took.
    """

    settings: dict[str, Any]
    value: float | None
    mae: float | None
    epochs: int
    seconds: float


class Confirmation(_Part):
    """Whether the best settings of a search are better on other data too, trained as long as the preset asks for.

    Attributes:
        data: The name of the other data set.
        fingerprint: Its fingerprint.
        own: The preset's own settings there.
        best: The best settings of the search there.
    """

    data: str
    fingerprint: str
    own: Trial
    best: Trial


class Search(_Part):
    """A search of a preset's settings.

    Attributes:
        preset: The name of the preset.
        command: What repeats the search.
        data: The name of the data set.
        fingerprint: The fingerprint of the data set.
        measure: The preset's stopping measure, which was compared.
        direction: Which values of it are better.
        seed: The seed of the sampler and of all trainings.
        epochs: The most epochs of a trial.
        space: By path, the values that could be tried.
        trials: The trials in their order; the first has the values that the preset had then.
        best: The best trial; None if no trial has a value.
        confirmation: The best settings on other data; None if that was not measured.
    """

    preset: str
    command: str
    data: str
    fingerprint: str
    measure: str
    direction: str
    seed: int
    epochs: int
    space: dict[str, Between | OneOf]
    trials: tuple[Trial, ...] = ()
    best: Trial | None = None
    confirmation: Confirmation | None = None


def search_file(preset: str) -> Path:
    """Where the search of a preset that comes with the product is stored."""
    return SEARCHES / f"{preset}.json"


def stored_search(preset: str) -> Search | None:
    """The search of a preset that comes with the product; None if none is stored."""
    file = search_file(preset)
    return Search.model_validate_json(file.read_bytes()) if file.exists() else None

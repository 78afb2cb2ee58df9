"""What a leaderboard compares."""

from importlib.util import find_spec
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.baselines import ALL_BASELINES, BENCH_BASELINES
from models.baselines.lists import LIST_BASELINES
from models.data.dataset import Dataset
from models.data.splits import SplitConfig
from models.training.preset import Preset, PresetError, default_preset, load_preset, preset_names

ALL = "all"
"""Stands for all presets that come with the product and fit the data."""


class LeaderboardConfig(BaseModel):
    """What a leaderboard compares.

    Attributes:
        presets: What is trained. One without a learner has lists and no errors.
        reference: The preset that the others are compared with. Its choice model makes the shortlists of all learners.
        baselines: The names of the baselines that predict ratings.
        list_baselines: The names of the baselines that rank the catalogue.
        seeds: How many seeds. Each is the seed of a training and of the episodes that it is measured on.
        split: How the data set is divided, the same for all seeds.
        bootstrap_resamples: How many resamples of users each 95 % interval is made from.
        device: Where to compute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: Annotated[tuple[Preset, ...], Field(min_length=1)]
    reference: Preset
    baselines: tuple[str, ...] = ALL_BASELINES
    list_baselines: tuple[str, ...] = LIST_BASELINES
    seeds: Annotated[int, Field(ge=1)] = 3
    split: SplitConfig = SplitConfig()
    bootstrap_resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    device: str = "cpu"


def available_baselines() -> tuple[str, ...]:
    """The names of the baselines that predict ratings, without those whose optional package is not installed."""
    return BENCH_BASELINES if find_spec("lightgbm") else ALL_BASELINES


def require_presets(names: str) -> list[str]:
    """The names in a comma-separated list, each of a preset that can be read, or `all`.

    Raises:
        PresetError: There is no such preset, a field of it is wrong, or none is named.
    """
    given = [name.strip() for name in names.split(",") if name.strip()]
    if not given:
        raise PresetError(f"name at least one preset: {', '.join(preset_names())} or the path of a .toml file, or all")
    for name in given:
        if name != ALL:
            load_preset(name)
    return given


def presets_of(names: str, dataset: Dataset, *, epochs: int | None = None) -> tuple[tuple[Preset, ...], Preset]:
    """The presets to compare, and the reference.

    With ratings, `all` are the presets with a learner, and without ratings those without one. The reference is the
    default preset for the data set if it is among the presets, or else the first of them.

    Args:
        names: Names of presets or paths of TOML files, separated by commas, or `all`.
        dataset: The data set.
        epochs: Overrides the presets' epochs.

    Raises:
        PresetError: There is no such preset, a field of it is wrong, none is named, or two have the same name.
    """
    given = require_presets(names)
    if ALL in given:
        has_ratings = bool(dataset.ratings.rated.any())
        fitting = [name for name in preset_names() if (load_preset(name).learner is not None) is has_ratings]
        given = [name for name in [*fitting, *given] if name != ALL]
    presets = [load_preset(name).with_training(epochs=epochs) for name in dict.fromkeys(given)]
    for place, preset in enumerate(presets):
        if preset.name in {other.name for other in presets[:place]}:
            raise PresetError(f"two presets are called {preset.name}: give each file another name")
    default = default_preset(dataset)
    reference = next((preset for preset in presets if preset.name == default), presets[0])
    return tuple(presets), reference

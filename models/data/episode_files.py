"""Episodes given as a file: JSON Lines, one task a line."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.data.dataset import Dataset, State
from models.data.episodes import Episode


class EpisodeFileError(ValueError):
    """An episode file cannot be used; the message names the file, the line and the reason."""


class _EpisodeLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: str
    user_id: str
    support: list[tuple[str, Annotated[float, Field(allow_inf_nan=False)]]]
    query: Annotated[list[tuple[str, Annotated[float, Field(allow_inf_nan=False)]]], Field(min_length=1)]


def read_episodes(path: Path, dataset: Dataset) -> list[Episode]:
    """Read episodes such as `{"state": "user_cold", "user_id": "1", "support": [["2918", 4]], "query": [["1", 5]]}`.

    Raises:
        EpisodeFileError: A line is no episode, or names an unknown state, user or item, or a rating off the scale.
    """
    episodes = []
    try:
        # Not `splitlines`: JSON strings may hold characters that it takes for line ends too.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EpisodeFileError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            episodes.append(_episode(_EpisodeLine.model_validate(json.loads(line)), dataset))
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "episode"
            raise EpisodeFileError(f"{path}, line {number}: {where}: {fault['msg']}") from error
        except ValueError as error:
            raise EpisodeFileError(f"{path}, line {number}: {error}") from error
    if not episodes:
        raise EpisodeFileError(f"{path}: holds no episodes")
    return episodes


def _episode(line: _EpisodeLine, dataset: Dataset) -> Episode:
    states = {state.label: state for state in State}
    if line.state not in states:
        raise ValueError(f"state: {line.state!r} is not one of {', '.join(states)}")
    if line.user_id not in dataset.users.row_of:
        raise ValueError(f"user_id: {line.user_id!r} is not in the data set")
    for part, pairs in (("support", line.support), ("query", line.query)):
        for item_id, rating in pairs:
            if item_id not in dataset.items.row_of:
                raise ValueError(f"{part}: item {item_id!r} is not in the data set")
            if not dataset.schema.rating_scale.contains(rating):
                raise ValueError(f"{part}: rating {rating:g} is not on the scale {dataset.schema.rating_scale}")

    named = [item_id for item_id, _ in (*line.support, *line.query)]
    if repeated := [item_id for item_id, count in Counter(named).items() if count > 1]:
        raise ValueError(f"item {repeated[0]!r} is named twice: what is to be predicted must not be known")

    def rows(pairs: list[tuple[str, float]]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.array([dataset.items.row_of[item_id] for item_id, _ in pairs], dtype=np.int32)

    def ratings(pairs: list[tuple[str, float]]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.array([rating for _, rating in pairs], dtype=np.float32)

    return Episode(
        state=states[line.state],
        user=dataset.users.row_of[line.user_id],
        support_items=rows(line.support),
        support_ratings=ratings(line.support),
        query_items=rows(line.query),
        query_ratings=ratings(line.query),
    )

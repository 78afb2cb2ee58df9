"""Reading episodes from a file in JSON Lines, one episode a line."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.data.dataset import UNKNOWN_TIME, Dataset, State
from models.data.episodes import Episode


class EpisodeFileError(ValueError):
    """An episode file cannot be used. The message names the file, the line and the reason."""


class _LineRating(NamedTuple):
    """`[item, rating]` or `[item, rating, time]`."""

    item_id: str
    rating: Annotated[float, Field(allow_inf_nan=False)]
    time: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] = UNKNOWN_TIME


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: str
    user_id: str
    support: list[_LineRating]
    query: Annotated[list[_LineRating], Field(min_length=1)]


def read_episodes(path: Path, dataset: Dataset) -> list[Episode]:
    """Read episodes such as `{"state": "user_cold", "user_id": "1", "support": [["2918", 4]], "query": [["1", 5]]}`.

    A rating may have a time, in seconds since 1970: `["2918", 4, 978300019]`. An episode without any has no times.

    Raises:
        EpisodeFileError: A line is not an episode, or it names an unknown state, user or item, or a rating that is not
            on the scale.
    """
    episodes = []
    try:
        # Not `splitlines`, which also splits at characters that JSON strings may contain.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EpisodeFileError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            episodes.append(_episode(_Line.model_validate(json.loads(line)), dataset))
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "episode"
            raise EpisodeFileError(f"{path}, line {number}: {where}: {fault['msg']}") from error
        except ValueError as error:
            raise EpisodeFileError(f"{path}, line {number}: {error}") from error
    if not episodes:
        raise EpisodeFileError(f"{path}: the file has no episodes")
    return episodes


def _episode(line: _Line, dataset: Dataset) -> Episode:
    states = {state.label: state for state in State}
    if line.state not in states:
        raise ValueError(f"state: {line.state!r} is not one of {', '.join(states)}")
    if line.user_id not in dataset.users.row_of:
        raise ValueError(f"user_id: {line.user_id!r} is not in the data set")
    for part, ratings in (("support", line.support), ("query", line.query)):
        for item_id, rating, _ in ratings:
            if item_id not in dataset.items.row_of:
                raise ValueError(f"{part}: item {item_id!r} is not in the data set")
            scale = dataset.schema.rating_scale
            if scale is None or not scale.contains(rating):
                raise ValueError(f"{part}: rating {rating:g} is not on the scale {scale}")
    counts = Counter(rating.item_id for rating in (*line.support, *line.query))
    if repeated := [item_id for item_id, count in counts.items() if count > 1]:
        raise ValueError(f"item {repeated[0]!r} is named twice; an episode may have one rating of an item")

    has_times = any(rating.time != UNKNOWN_TIME for rating in (*line.support, *line.query))
    return Episode(
        state=states[line.state],
        user=dataset.users.row_of[line.user_id],
        support_items=_items(line.support, dataset),
        support_ratings=_values(line.support),
        query_items=_items(line.query, dataset),
        query_ratings=_values(line.query),
        support_times=_times(line.support) if has_times else None,
        query_times=_times(line.query) if has_times else None,
    )


def _items(ratings: Sequence[_LineRating], dataset: Dataset) -> NDArray[np.int32]:
    return np.array([dataset.items.row_of[rating.item_id] for rating in ratings], dtype=np.int32)


def _values(ratings: Sequence[_LineRating]) -> NDArray[np.float32]:
    return np.array([rating.rating for rating in ratings], dtype=np.float32)


def _times(ratings: Sequence[_LineRating]) -> NDArray[np.int64]:
    return np.array([rating.time for rating in ratings], dtype=np.int64)

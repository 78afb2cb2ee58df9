"""What to evaluate."""

from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.baselines import ALL_BASELINES, BASELINES
from models.baselines.lists import LIST_BASELINES
from models.data.dataset import State
from models.data.evaluation_episodes import Order


class EvaluationConfig(BaseModel):
    """What to evaluate.

    Attributes:
        states: The labels of the states; all four by default.
        baselines: The names of the baselines to evaluate too; the quick ones by default.
        list_baselines: The names of the baselines for lists to evaluate too; all by default. Lists are a part of the
            state `user_cold`.
        seed: The seed of the draw of query ratings, of the order of support ratings of lists, and of the bootstrap.
        steps: Local steps of the adapted model; the preset's by default.
        paper_warm: Evaluate the warm state in sample, as the paper does: its query ratings may have been trained on.
        order: Which of a user's ratings are the query: random ones, or the latest (`evaluation_episodes`). Likewise,
            the support sets of lists are random or earliest ratings (`list_episodes`).
        query_size: How many ratings of each user are query ratings.
        min_ratings: A user with fewer ratings in a state is left out.
        max_ratings: A user with more ratings in a state is left out.
        bootstrap_resamples: How many resamples of users each 95 % interval is made from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    states: tuple[str, ...] = tuple(state.label for state in State)
    baselines: tuple[str, ...] = BASELINES
    list_baselines: tuple[str, ...] = LIST_BASELINES
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    steps: Annotated[int, Field(ge=1, le=100)] | None = None
    paper_warm: bool = False
    order: Order = Order.RANDOM
    query_size: Annotated[int, Field(ge=1)] = 10
    min_ratings: Annotated[int, Field(ge=2)] = 13
    max_ratings: Annotated[int, Field(ge=2)] = 100
    bootstrap_resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000

    @field_validator("states")
    @classmethod
    def _states_exist(cls, states: tuple[str, ...]) -> tuple[str, ...]:
        _require_known(states, [state.label for state in State], kind="state")
        if not states:
            raise ValueError("name at least one state")
        return states

    @field_validator("list_baselines")
    @classmethod
    def _list_baselines_exist(cls, baselines: tuple[str, ...]) -> tuple[str, ...]:
        _require_known(baselines, LIST_BASELINES, kind="baseline for lists")
        return baselines

    @field_validator("baselines")
    @classmethod
    def _baselines_exist(cls, baselines: tuple[str, ...]) -> tuple[str, ...]:
        _require_known(baselines, ALL_BASELINES, kind="baseline")
        return baselines


def _require_known(names: Sequence[str], known: Collection[str], *, kind: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not a {kind}: use {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError(f"name each {kind} once")

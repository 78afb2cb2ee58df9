"""Averages over people, their intervals, and paired differences to asking for the most popular items."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from benchmarks.elicitation.measuring import Values, cell_name
from benchmarks.elicitation.strategies import REFERENCE
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import Estimate
from models.metrics.measure import mean_where

RESAMPLES = 2000

Cells = Mapping[str, Values]
"""By cell and measure, one value a person."""


class Figure(BaseModel):
    """A mean over people.

    Attributes:
        value: The mean with its interval.
        difference: The paired difference to the reference after as many questions.
    """

    value: Estimate
    difference: Estimate


class DataFigures(BaseModel):
    """The figures of one data set.

    Attributes:
        users: How many people were asked.
        seeds: How many draws of their halves.
        query: How many ratings of a person are predicted, mean.
        strategies: By strategy, cell and measure.
        halved: By strategy, form of questions and measure: the paired difference of half as many questions to the
            reference, such as after 5 to 10.
    """

    users: int
    seeds: int
    query: float
    strategies: dict[str, dict[str, dict[str, Figure]]]
    halved: dict[str, dict[str, dict[str, Estimate]]]


class Record(BaseModel):
    """All figures of the page.

    Attributes:
        data: By data set.
        milliseconds: By catalogue and strategy, the median time to choose a screen of ten.
    """

    data: dict[str, DataFigures]
    milliseconds: dict[str, dict[str, float]]

    @classmethod
    def stored(cls, file: Path) -> Self:
        """The figures of former runs; empty if there are none."""
        return cls.model_validate_json(file.read_bytes()) if file.exists() else cls(data={}, milliseconds={})


def pooled(draws: Sequence[Cells]) -> dict[str, Values]:
    """Each person's mean over the draws in which the measure is defined."""
    return {
        cell: {measure: _mean([draw[cell][measure] for draw in draws]) for measure in draws[0][cell]}
        for cell in draws[0]
    }


def strategy_figures(own: Cells, reference: Cells) -> dict[str, dict[str, Figure]]:
    """By cell and measure."""
    return {
        cell: {measure: _figure(column, reference[cell][measure]) for measure, column in values.items()}
        for cell, values in own.items()
    }


def halved_figures(own: Cells, reference: Cells, form: str) -> dict[str, dict[str, Estimate]]:
    """By "5 for 10" and "10 for 20" and measure: after so few questions, less the reference after so many."""
    found: dict[str, dict[str, Estimate]] = {}
    for few, many in ((5, 10), (10, 20)):
        first, second = own[cell_name(form, few)], reference[cell_name(form, many)]
        found[f"{few} for {many}"] = {measure: _figure(first[measure], second[measure]).difference for measure in first}
    return found


def figures_of(results: Mapping[str, Cells], *, seeds: int, query: float, form: str) -> DataFigures:
    """The figures of one data set, from the pooled results of each strategy."""
    reference = results[REFERENCE]
    first = next(iter(reference.values()))
    return DataFigures(
        users=len(next(iter(first.values()))),
        seeds=seeds,
        query=query,
        strategies={name: strategy_figures(own, reference) for name, own in results.items()},
        halved={name: halved_figures(own, reference, form) for name, own in results.items()},
    )


def _mean(draws: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = np.array(draws)
    return mean_where(values, ~np.isnan(values), axis=0)


def _figure(values: NDArray[np.float64], reference: NDArray[np.float64]) -> Figure:
    value, difference = estimate_means(np.stack([values, values - reference], axis=1), resamples=RESAMPLES, seed=0)
    return Figure(value=value, difference=difference)

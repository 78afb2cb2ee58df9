"""Tables of measured lists: averages over users, their intervals, and paired differences to the evaluated model."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.estimates import estimate_means
from models.evaluation.figures import Estimate, ListCell, ListContestant, ListTable
from models.evaluation.lists.measuring import MeasuredLists, RankedCatalogue
from models.metrics.lists import LIST_MEASURES


def list_table(
    measured: Mapping[str, Sequence[MeasuredLists]],
    catalogue: RankedCatalogue,
    *,
    relevant: float,
    sizes: Sequence[int],
    resamples: int,
    seed: int,
) -> ListTable:
    """Average over users.

    Args:
        measured: By contestant, the evaluated model first, the lists at each support size; all of the same users.
        catalogue: What was ranked.
        relevant: How many items are relevant to a user, mean over users.
        sizes: The support sizes.
        resamples: Resamples of the bootstrap.
        seed: Seed of the bootstrap.
    """
    values = np.stack([[_values(lists) for lists in by_size] for by_size in measured.values()])
    # Averages and differences are resampled together, so that differences are paired.
    averages, differences = _estimates(np.stack([values, values[:1] - values]), resamples=resamples, seed=seed)
    return ListTable(
        sizes=tuple(sizes),
        users=values.shape[-1],
        items=int(catalogue.ranked.sum()),
        relevant=relevant,
        contestants=tuple(
            ListContestant(
                name=name,
                by_size=tuple(
                    ListCell(
                        measures=averages[row][column],
                        differences=differences[row][column] if row else {},
                        over_all=dict(lists.over_all),
                    )
                    for column, lists in enumerate(by_size)
                ),
            )
            for row, (name, by_size) in enumerate(measured.items())
        ),
    )


def _values(lists: MeasuredLists) -> NDArray[np.float64]:
    """float64 [measures, users]."""
    return np.stack([lists.values[name] for name in LIST_MEASURES])


def _estimates(values: NDArray[np.float64], *, resamples: int, seed: int) -> list[list[list[dict[str, Estimate]]]]:
    """Averages over the last axis of float64 [kinds, contestants, sizes, measures, users], the measures by name.

    A measure that is undefined for all users is left out.
    """
    *shape, users = values.shape
    kinds, contestants, sizes, _ = shape
    columns = values.reshape(-1, users)
    defined = np.asarray(~np.isnan(columns).all(axis=1))
    found = iter(estimate_means(columns[defined].T, resamples=resamples, seed=seed))
    estimates = iter([next(found) if is_defined else None for is_defined in defined])
    return [
        [
            [
                {name: estimate for name in LIST_MEASURES if (estimate := next(estimates)) is not None}
                for _ in range(sizes)
            ]
            for _ in range(contestants)
        ]
        for _ in range(kinds)
    ]

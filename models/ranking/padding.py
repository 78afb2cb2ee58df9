"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def padded(rows: Sequence[Sequence[float] | NDArray[np.int64]], dtype: type) -> NDArray[Any]:
    """Sequences of different lengths as one array, padded with 0; [rows, longest]."""
    array: NDArray[Any] = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=dtype)
    for place, values in enumerate(rows):
        array[place, : len(values)] = values
    return array


def padding_mask(rows: Sequence[Sequence[float] | NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Where `padded` has values and no padding; bool [rows, longest]."""
    lengths = np.array([len(values) for values in rows], dtype=np.int64)
    return np.arange(lengths.max(initial=0)) < lengths[:, None]

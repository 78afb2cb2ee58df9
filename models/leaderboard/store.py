"""Results on disk: arrays by cell and name, whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = dict[str, dict[str, NDArray[Any]]]
"""Arrays by the name of a cell, such as `user_cold`, and their own names, such as `mae`."""


def save_cells(file: Path, cells: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
    """Write arrays; a kill leaves no half of a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    flat = {f"{cell}/{name}": array for cell, arrays in cells.items() for name, array in arrays.items()}
    with (temporary := file.with_suffix(".new")).open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **flat)
    temporary.replace(file)


def load_cells(file: Path) -> Cells:
    """Read what `save_cells` wrote."""
    cells: Cells = {}
    with np.load(file, allow_pickle=False) as stored:
        for key in stored.files:
            cell, name = key.split("/")
            cells.setdefault(cell, {})[name] = stored[key]
    return cells

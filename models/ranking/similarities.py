"""How similar the items of a list are to each other: by their attributes, and by who chooses them."""

import numpy as np
import torch
from numpy.typing import NDArray

from models.inputs import similarity
from models.ranking.catalogue import Catalogue
from models.ranking.part import item_fields


def similarities(catalogue: Catalogue, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How similar every two rows are by attributes and by who chooses them; float64 [rows, rows], at most 1.

    It is the mean of two cosines: of the attributes, and of W z, what an item says of those who choose it
    (`ChoiceModel.said`). For items without attributes, it is the cosine of W z.
    """
    choice = catalogue.model.choice
    with torch.inference_mode():
        said = choice.said(choice.taste(catalogue.choice_vectors(rows).vector))
    by_taste = cosines(said.cpu().numpy())
    return (by_taste + attribute_cosines(catalogue, rows)) / 2 if item_fields(catalogue.model) else by_taste


def attribute_cosines(catalogue: Catalogue, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean over fields of the cosine of every two rows' attributes; float64 [rows, rows], in [0, 1]."""
    encoded = catalogue.model.manifest.item_encoder.encode(catalogue.attributes(rows))
    return np.asarray(similarity.attribute_cosines(item_fields(catalogue.model), encoded).numpy())


def cosines(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """The cosine of every two rows ([rows, dimensions]); float64 [rows, rows], 0 for a row of zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0)
    return np.asarray(units @ units.T)

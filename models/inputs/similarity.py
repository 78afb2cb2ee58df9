"""Similarity of items by their attributes, computed field by field.

The features of an item are the features of its fields (`BaseField.similarity`) side by side. Serving needs only their
products, for which torch is enough.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from models.fields import BaseField, SimilarityConfig
from models.inputs.encoder import EncodedRows


def similarity_width(fields: Sequence[BaseField], config: SimilarityConfig) -> int:
    """The number of similarity features of the fields; without fields there is one constant feature."""
    return sum(field.similarity_width(config) for field in fields) if fields else 1


def similarity_blocks(fields: Sequence[BaseField], rows: EncodedRows, config: SimilarityConfig) -> list[Tensor]:
    """The similarity features of some rows, field by field.

    Args:
        fields: The fields to use.
        rows: The users or items.
        config: The weight of each kind of field.

    Returns:
        For each field, float64 [rows, width], strided or sparse, on the CPU. A row has the length √v, with v the prior
        variance of the field's kind, or 0. Without fields there is one constant feature.
    """
    if not fields:
        return [torch.ones(len(rows), 1, dtype=torch.float64)]
    return [
        math.sqrt(field.similarity_variance(config)) * field.similarity(rows.fields[field.name], config)
        for field in fields
    ]


def similarity_product(
    fields: Sequence[BaseField], rows: EncodedRows, matrix: Tensor, config: SimilarityConfig
) -> Tensor:
    """The similarity features times a matrix (float [features, columns]); float64 [rows, columns], on the CPU."""
    blocks = similarity_blocks(fields, rows, config)
    parts = torch.split(matrix.cpu().double(), [block.shape[1] for block in blocks])
    product = torch.zeros(len(rows), matrix.shape[1], dtype=torch.float64)
    for block, part in zip(blocks, parts, strict=True):
        product += block @ part
    return product


def attribute_features(fields: Sequence[BaseField], rows: EncodedRows) -> list[Tensor]:
    """Features of each field. The inner product of two rows is their cosine; float64 [rows, width], some sparse.

    Values that are too rare to be embedded count as unknown.
    """
    return [field.similarity(rows.fields[field.name], SimilarityConfig(), rare=False) for field in fields]


def attribute_cosines(fields: Sequence[BaseField], rows: EncodedRows) -> Tensor:
    """The mean over fields of the cosine of two rows; float64 [rows, rows], 0 without fields."""
    cosines = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for features in attribute_features(fields, rows):
        cosines += _inner_products(features)
    return cosines / max(len(fields), 1)


def attribute_cosines_to(features: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """The mean over fields of the cosine of rows and other rows; float64 [rows, others].

    Args:
        features: Of at least one field, as `attribute_features` returns them.
        others: Of the same fields.
    """
    return torch.stack([own @ other.to_dense().T for own, other in zip(features, others, strict=True)]).mean(dim=0)


def _inner_products(features: Tensor) -> Tensor:
    """The inner product of every two rows; float64 [rows, rows]."""
    if not features.is_sparse:
        return features @ features.T
    # The rows use few values of a large vocabulary. (torch's product of two sparse matrices is in beta.)
    features = features.coalesce()
    rows, columns = features.indices()
    used, places = columns.unique(return_inverse=True)
    compact = torch.zeros(len(features), len(used), dtype=features.dtype)
    compact[rows, places] = features.values()
    return compact @ compact.T

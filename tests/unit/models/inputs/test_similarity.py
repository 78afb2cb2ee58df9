import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import OneHotEncoder, normalize

from models.fields import (
    CategoricalField,
    ContinuousField,
    MultiValuedField,
    SimilarityConfig,
    TextField,
    VectorField,
)
from models.inputs.content import similarity_features
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.inputs.similarity import attribute_cosines, similarity_product, similarity_width

CONFIG = SimilarityConfig()
WORDS = ("murder", "train", "love")
IDF = (3.0, 4.0, 2.0)
FIELDS = (
    CategoricalField(name="language", values=("en", "fr")),
    MultiValuedField(name="genre", values=("comedy", "drama", "horror"), rare=1),
    ContinuousField(name="year", mean=2000.0, deviation=10.0, minimum=1900.0, maximum=2100.0),
    TextField(name="plot", values=WORDS, weights=IDF),
    VectorField(name="image", dimensions=3),
)
TABLE = pl.DataFrame(
    {
        "language": ["fr", "en", None, "xx"],
        "genre": [["comedy", "horror"], ["drama"], [], None],
        "year": [2000.0, 2010.0, None, 1e9],
        "plot": ["murder in the train", "love, train, love", "", "love"],
        "image": [[1.0, 2.0, 2.0], [0.0, 0.0, 0.5], None, [-3.0, 0.0, 4.0]],
    },
    schema_overrides={"genre": pl.List(pl.String), "image": pl.List(pl.Float64)},
)


def encoded() -> EncodedRows:
    return FeatureEncoder(fields=FIELDS).encode(TABLE)


def reference() -> sparse.csr_matrix:
    """The same features by scipy and scikit-learn."""
    language = OneHotEncoder(categories=[["?", "en", "fr"]]).fit_transform([["fr"], ["en"], ["?"], ["?"]])
    genre = normalize(sparse.csr_matrix([[1.0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    centres = np.linspace(-3, 3, 16)
    distances = np.array([[0.0], [1.0], [np.inf], [3.0]]) - centres
    year = sparse.hstack([normalize(np.exp(-2.0 * distances**2)), sparse.csr_matrix([[0], [0], [1], [0]])])
    counts = sparse.csr_matrix([[1, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]])
    transformer = TfidfTransformer()
    transformer.idf_ = np.array(IDF)
    plot = transformer.transform(counts)
    image = normalize(np.array([[1, 2, 2, 0], [0, 0, 0.5, 0], [0, 0, 0, 1], [-3, 0, 4, 0.0]]))
    variances = [0.05, 0.05, 0.1, 0.2, 0.2]
    blocks = zip(variances, [language, genre, year, plot, image], strict=True)
    return sparse.hstack([np.sqrt(variance) * sparse.csr_matrix(block) for variance, block in blocks]).tocsr()


def test_similarity_features_equal_scikit_learns() -> None:
    features = similarity_features(FIELDS, encoded(), CONFIG)
    np.testing.assert_allclose(features.toarray(), reference().toarray(), atol=1e-6)


def test_similarity_product_equals_scipys() -> None:
    matrix = np.random.default_rng(0).normal(size=(similarity_width(FIELDS, CONFIG), 5)).astype(np.float32)
    product = similarity_product(FIELDS, encoded(), torch.from_numpy(matrix), CONFIG)
    np.testing.assert_allclose(product.numpy(), similarity_features(FIELDS, encoded(), CONFIG) @ matrix, rtol=1e-12)
    np.testing.assert_allclose(product.numpy(), reference() @ matrix, atol=1e-6)


def test_product_of_no_rows_is_empty() -> None:
    rows = encoded().take(torch.tensor([], dtype=torch.int64))
    assert similarity_product(FIELDS, rows, torch.ones(similarity_width(FIELDS, CONFIG), 2), CONFIG).shape == (0, 2)


def test_without_fields_all_rows_share_a_constant_feature() -> None:
    product = similarity_product((), EncodedRows({}, 3), torch.tensor([[2.0, -1.0]]), CONFIG)
    assert product.tolist() == [[2.0, -1.0]] * 3


@pytest.mark.parametrize("count", range(len(FIELDS) + 1))
def test_similarity_width_is_the_number_of_features(count: int) -> None:
    expected = [1, 3, 6, 23, 26, 30][count]
    assert similarity_width(FIELDS[:count], CONFIG) == expected
    assert similarity_features(FIELDS[:count], encoded(), CONFIG).shape == (4, expected)


def test_config_sets_variances_and_bumps() -> None:
    config = SimilarityConfig(vector_variance=0.9, bumps=5)
    assert similarity_width(FIELDS[2:3], config) == 6
    lengths = (similarity_features(FIELDS[4:], encoded(), config).toarray() ** 2).sum(axis=1)
    np.testing.assert_allclose(lengths, 0.9, rtol=1e-6)


def test_attribute_cosines_are_the_mean_of_the_fields_cosines() -> None:
    rows = encoded()
    # Horror is too rare to be embedded: the first film is a comedy only.
    genre = np.diag([1.0, 1.0, 0.0, 0.0])
    others = [
        cosine_similarity(similarity_features((field,), rows, CONFIG).toarray())
        for field in FIELDS
        if field.name != "genre"
    ]
    expected = (genre + np.sum(others, axis=0)) / len(FIELDS)
    np.testing.assert_allclose(attribute_cosines(FIELDS, rows).numpy(), expected, atol=1e-6)


def test_product_without_text_imports_neither_scipy_nor_scikit_learn() -> None:
    program = """
import sys
import torch
from models.fields import CategoricalField, VectorField
from models.inputs.collaborative_inputs import CollaborativeConfig, CollaborativeInputs
from models.inputs.encoder import FeatureEncoder

fields = (CategoricalField(name="id", values=("a",)), VectorField(name="image", dimensions=2))
encoder = FeatureEncoder(fields=fields)
CollaborativeInputs(encoder, CollaborativeConfig())(encoder.encode_values([{"image": [1.0, 2.0]}]))
print({"scipy", "sklearn"} & set(sys.modules))
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"

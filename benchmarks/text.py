"""What the meaning of texts adds for new items: the encoder `sentence` beside the words of the texts.

    python -m benchmarks.text --data DIR [--work DIR]

writes docs/results/text.md and text.json. The data set needs items with a text and a date. The extra `text` must be
installed. The preset `coldstart` is trained once for each way to encode the texts, into the work directory.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import table
from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, Ratings, State
from models.data.episodes import batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.reader import read_dataset
from models.data.schema import DatasetSchema
from models.data.splits import Split, SplitConfig
from models.evaluation.config import EvaluationConfig
from models.evaluation.estimates import UserValues, compare_measures, concatenate_users, estimate_measures
from models.evaluation.predictors import BATCH_USERS, by_learner
from models.fields import AttributeField, FieldKind, SimilarityConfig, TextEncoder
from models.inputs.content import ContentRegression, similarity_features
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import FeatureEncoder
from models.inputs.factorisation import Factorisation, FactorisationConfig, factorise
from models.metrics import measure_title, measure_users
from models.train import train
from models.training.preset import Preset, load_preset
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"

WORDS, MEANING, BOTH = "words", "meaning", "words and meaning"
_VARIANCES = (0.05, 0.1, 0.2, 0.4, 0.8)
_PRESET = "coldstart"
_RESAMPLES = 2000
_SHOWN = ("mae", "rmse", "nll", "ndcg@3_linear")
_STATES = (State.ITEM_COLD, State.USER_AND_ITEM_COLD, State.USER_COLD)

_PROTOCOL = """\
A text is encoded as its words (`encoder = "words"`, the default), as its meaning (`encoder = "sentence"`), or as both,
in two fields of the same column. [Data](../data.md#texts) describes the encoders."""

_CHOICE = """\
The weight of the meaning among the attributes, `sentence_variance`, is chosen here, inside the `warm` ratings of the
test below. The latest fifth of their items counts as new. A ridge regression on the attributes of the other items
predicts biases and factors of these (`models.inputs.content`), and these predict their ratings. Root of the mean
squared error of the ratings; in bold, the best weight."""

_TEST = """\
The preset `coldstart`, trained with one seed, with the chosen weight. States and episodes are those of
`coldstart evaluate`. In parentheses: less the words alone, with the paired bootstrap 95 % interval over users."""


_UNTESTED = """\
The trained models are not measured yet. These errors have no intervals, and say nothing about the predictions of a
model."""


@dataclass(frozen=True)
class Variant:
    """A way to encode the texts.

    Attributes:
        dataset: The data set with such fields.
        variance: The variance of sentence embeddings; None for the default.
    """

    dataset: Dataset
    variance: float | None = None

    def similarity(self) -> SimilarityConfig:
        """The weights of the fields."""
        return SimilarityConfig() if self.variance is None else SimilarityConfig(sentence_variance=self.variance)

    def preset(self) -> Preset:
        """The preset. Its choice model is not measured and hardly trained."""
        preset = load_preset(_PRESET)
        collaborative = preset.inputs.collaborative
        assert collaborative is not None  # noqa: S101 - `coldstart` has them
        content = collaborative.content.model_copy(update={"similarity": self.similarity()})
        inputs = preset.inputs.model_copy(
            update={"collaborative": collaborative.model_copy(update={"content": content})}
        )
        choice = preset.choice.model_copy(update={"updates": 1, "updates_per_round": 1})
        return preset.model_copy(update={"inputs": inputs, "choice": choice})


def with_texts(schema: DatasetSchema, encoders: Sequence[TextEncoder]) -> DatasetSchema:
    """The schema with each text of the items encoded in these ways, with one field for each."""

    def encoded(field: AttributeField) -> list[AttributeField]:
        if field.kind is not FieldKind.TEXT:
            return [field]
        names = [field.name, *(f"{field.name} as {encoder.value}" for encoder in encoders[1:])]
        return [
            field.model_copy(update={"name": name, "encoder": encoder})
            for name, encoder in zip(names, encoders, strict=True)
        ]

    fields = tuple(own for field in schema.items.fields for own in encoded(field))
    return schema.model_copy(update={"items": schema.items.model_copy(update={"fields": fields})})


def inside_warm(dataset: Dataset, split: Split) -> Dataset:
    """The warm ratings alone, without their states."""
    ratings, warm = dataset.ratings, split.states == State.WARM
    times = ratings.times
    kept = Ratings.from_columns(
        user_count=len(dataset.users),
        users=ratings.users[warm],
        items=ratings.items[warm],
        values=ratings.values[warm],
        times=None if times is None else times[warm],
    )
    return replace(dataset, ratings=kept)


@dataclass(frozen=True)
class Inside:
    """The division of the warm ratings by which the weight is chosen.

    Attributes:
        dataset: The warm ratings.
        split: Their split: the latest items are new, and all users are known.
        factorisation: Of the training ratings.
    """

    dataset: Dataset
    split: Split
    factorisation: Factorisation

    @classmethod
    def of(cls, dataset: Dataset, split: Split) -> "Inside":
        """Divide the warm ratings, and factorise those of the items that stay known."""
        warm = inside_warm(dataset, split)
        inner = Split.of(warm, SplitConfig(new_users=0.0))
        return cls(warm, inner, factorise(warm, inner.training, FactorisationConfig()))

    def error(self, variant: Variant) -> float:
        """The root mean squared error of predicting the ratings of the new items from their attributes."""
        found, items = self.factorisation, variant.dataset.items.table
        config = ContentConfig(similarity=variant.similarity())
        rated = np.flatnonzero(found.counts)
        encoder = FeatureEncoder.fit(variant.dataset.schema.items.fields, items[rated])
        features = similarity_features(encoder.fields, encoder.encode(items), config.similarity)
        regression = ContentRegression.fit(features[rated], found.items[rated], found.counts[rated], config)
        predicted = regression.predict(features)
        ratings = self.dataset.ratings
        new = (self.split.states == State.ITEM_COLD) & (found.users[:, 0] != 0)[ratings.users]
        users, chosen = found.users[ratings.users[new]], predicted[ratings.items[new]]
        levels = found.mean + users[:, 0] + chosen[:, 0] + np.einsum("nf,nf->n", users[:, 1:], chosen[:, 1:])
        return float(np.sqrt(np.square(ratings.values[new] - levels).mean()))


def trained(variant: Variant, directory: Path) -> TrainedModel:
    """The research model of a variant, trained unless it is there already."""
    if not (directory / "manifest.json").exists():
        train(variant.dataset, variant.preset(), directory, data_path=None, research_only=True)
    return load_artifact(directory)


def user_values(model: TrainedModel, dataset: Dataset, split: Split) -> dict[str, UserValues]:
    """By state, each user's value of every measure."""
    config, predict = EvaluationConfig(), by_learner(model, dataset)
    values: dict[str, UserValues] = {}
    for state in _STATES:
        episodes = evaluation_episodes(
            dataset,
            split,
            state,
            in_sample=False,
            order=config.order,
            query_size=config.query_size,
            min_ratings=config.min_ratings,
            max_ratings=config.max_ratings,
            seed=config.seed,
        )
        values[state.label] = concatenate_users(
            [
                measure_users(predict(batch), batch.query_ratings, batch.query_mask)
                for _, batch in batches(episodes, BATCH_USERS)
            ]
        )
    return values


Cells = dict[str, dict[str, dict[str, dict[str, float]]]]
"""By state, variant and measure: its value, and its difference to the words with the ends of its interval."""


def cells(values: Mapping[str, Mapping[str, UserValues]]) -> Cells:
    """The test's figures, from the users' values by variant and state."""
    found: Cells = {}
    for state, words in values[WORDS].items():
        for name, own in values.items():
            estimates = estimate_measures(own[state], resamples=_RESAMPLES, seed=0)
            row = {key: {"value": estimates[key].value} for key in _SHOWN}
            if name != WORDS:
                compared = compare_measures(own[state], words, resamples=_RESAMPLES, seed=0)
                for key in _SHOWN:
                    difference = compared[key].difference
                    row[key] |= {"difference": difference.value, "low": difference.low, "high": difference.high}
            found.setdefault(state, {})[name] = row
    return found


def page(name: str, errors: Mapping[str, Mapping[str, float]], figures: Cells) -> str:
    """The page, as Markdown.

    Args:
        name: Of the data set.
        errors: By variant and weight, the error inside the warm ratings.
        figures: Of the test.
    """
    weights = [""] + [f"{variance:g}" for variance in _VARIANCES]
    parts = [
        "# Texts by their meaning",
        "Regenerated by `python -m benchmarks.text --data DIR`; all figures are in text.json.",
        _PROTOCOL,
        f"## {name}: the weight",
        _CHOICE,
        table(["", "no weight", *weights[1:]], [_error_row(title, row) for title, row in errors.items()]),
    ]
    parts += [f"## {name}: new items", _TEST] if figures else [_UNTESTED]
    for state, rows in figures.items():
        lines = [[title, *(_shown(row[key]) for key in _SHOWN)] for title, row in rows.items()]
        parts.append(table([f"`{state}`", *map(measure_title, _SHOWN)], lines))
    return "\n\n".join(parts) + "\n"


def _error_row(title: str, row: Mapping[str, float]) -> list[str]:
    best = min(row, key=row.__getitem__)
    keys = ["", *(f"{variance:g}" for variance in _VARIANCES)]
    shown = {key: f"{value:.4f}" for key, value in row.items()}
    return [title, *(f"**{shown[key]}**" if key == best and len(row) > 1 else shown.get(key, "") for key in keys)]


def _shown(cell: Mapping[str, float]) -> str:
    value = f"{cell['value']:.4f}"
    if "difference" not in cell:
        return value
    return f"{value} ({cell['difference']:+.4f}: {cell['low']:+.4f} to {cell['high']:+.4f})"


def write(name: str, errors: Mapping[str, Mapping[str, float]], figures: Cells) -> None:
    """Write the page and its figures, as far as they are measured: a training takes long."""
    everything: dict[str, Any] = {name: {"weights": errors, "test": figures}}
    (RESULTS / "text.json").write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "text.md").write_text(page(name, errors, figures), encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-text"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    plain, _ = read_dataset(arguments.data)
    name = plain.schema.name
    encoders = {MEANING: (TextEncoder.SENTENCE,), BOTH: (TextEncoder.WORDS, TextEncoder.SENTENCE)}
    datasets = {
        title: read_dataset(arguments.data, schema=with_texts(plain.schema, own))[0] for title, own in encoders.items()
    }
    split = Split.of(plain, SplitConfig())
    inside = Inside.of(plain, split)
    errors = {WORDS: {"": inside.error(Variant(plain))}}
    variants = {WORDS: Variant(plain)}
    for title, dataset in datasets.items():
        errors[title] = {f"{variance:g}": inside.error(Variant(dataset, variance)) for variance in _VARIANCES}
        variants[title] = Variant(dataset, float(min(errors[title], key=errors[title].__getitem__)))
    values: dict[str, dict[str, UserValues]] = {}
    write(name, errors, {})
    for title, variant in variants.items():
        model = trained(variant, arguments.work / name / title.replace(" ", "-"))
        values[title] = user_values(model, variant.dataset, split)
        write(name, errors, cells(values))


if __name__ == "__main__":
    main()

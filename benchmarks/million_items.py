"""Ranking catalogues of up to a million items: the shortlist against exact scoring of every item, and a vector index.

Recall is the share of the 10 or 100 items that exact scoring puts first which are also on the list made from a
shortlist. Users are new users with their first ratings. Catalogues beyond the data set's own
items are made ones (benchmarks/larger_catalogue.py). Memory is that of a process which does nothing but this.
"""

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import torch

from benchmarks.catalogue_memory import memory_mib
from benchmarks.harness import Figures, Options, medians, products_alone, run, table, use_one_core
from benchmarks.larger_catalogue import part_of
from benchmarks.rankings import matrix_products, queries_of, support_of
from models.data.dataset import Entities
from models.fields import field_type
from models.inputs.rows import TensorRows
from models.ranking import RankingQuery, Recommender
from models.ranking.catalogue import Catalogue
from models.ranking.filters import FieldFilter, Filter
from models.ranking.part import Part
from models.ranking.query import RankBy

PRESETS = ("coldstart", "melu")
SIZES = (3_000, 10_000, 30_000, 100_000, 1_000_000)
SUPPORT = 10
USERS = 40
REPEATS = 15
TIMES = ("exact", "shortlist", "filtered", "products alone", "one changed item")
RECALLS = ("recall@10", "recall@100", "recall@10 filtered")
LISTS, PROBES = 1024, (16, 64, 256)
"""Of the vector index: an inverted file of so many lists, of which so many are searched."""


def measure(options: Options) -> Figures:
    """Recall, times and memory at every size."""
    use_one_core()
    faiss.omp_set_num_threads(1)
    dataset = options.dataset()
    figures: Figures = {"presets": {}}
    for preset in PRESETS:
        model = options.trained_model(preset)
        queries = queries_of(dataset, model, support=SUPPORT, users=USERS)
        figures["presets"][preset] = {
            str(size): _at_size(part_of(model, size), queries)
            | {"memory_mib": memory_mib(options.artifact(preset), size)}
            for size in SIZES
        }
        gc.collect()
    model = options.trained_model("coldstart")
    figures["index"] = _vector_index(
        part_of(model, SIZES[-1]), queries_of(dataset, model, support=SUPPORT, users=USERS)
    )
    return figures


def _at_size(part: Part, queries: Sequence[RankingQuery]) -> Figures:
    every = np.ones(len(part), dtype=np.bool_)
    exact = Recommender.over(Catalogue([part], every))
    started = time.perf_counter()
    shortlisting = Recommender.over(Catalogue([part.with_shortlists()], every))
    built = time.perf_counter() - started
    shortlisting.recommend(queries[0])
    where = _common_value(part)
    changed = Entities(part.items.table[:1].with_columns(title=pl.lit("Changed")))
    filtered = [RankingQuery(own.attributes, own.ratings, own.n, where=where) for own in queries]
    times = medians(
        {
            "exact": _next_of(exact.recommend, queries),
            "shortlist": _next_of(shortlisting.recommend, queries),
            "filtered": _next_of(shortlisting.recommend, filtered),
            "products alone": products_alone(matrix_products(exact, queries[0])),
            "one changed item": lambda: shortlisting.with_changes(changed, []),
        },
        repeats=REPEATS,
    )
    return {
        "milliseconds": {name: 1000 * seconds for name, seconds in times.items()},
        "recall@10": _recall(exact, shortlisting, queries, 10),
        "recall@100": _recall(exact, shortlisting, queries, 100),
        "recall@10 filtered": _recall(exact, shortlisting, filtered, 10),
        "build_seconds": built,
    }


def _common_value(part: Part) -> Filter:
    """A filter that leaves many items: the most frequent value of the first field with categories."""
    kinds = [(field, field_type(field)) for field in part.model.schema.items.fields]
    field = next(field for field, kind in kinds if kind.filterable and not kind.ordered)
    name = field.name
    (value,) = field_type(field).filter_values(part.items.table[name])["value"].mode().sort()[:1]
    return {name: FieldFilter((value,))}


def _next_of(recommend: Callable[[RankingQuery], object], queries: Sequence[RankingQuery]) -> Callable[[], object]:
    """Rank for one user after the other."""
    turns = itertools.cycle(queries)
    return lambda: recommend(next(turns))


def _recall(exact: Recommender, shortlisting: Recommender, queries: Sequence[RankingQuery], n: int) -> float:
    shares = []
    for query in queries:
        longer = RankingQuery(query.attributes, query.ratings, n, where=query.where)
        best, found = ({item.item_id for item in own.recommend(longer)} for own in (exact, shortlisting))
        shares.append(len(best & found) / len(best))
    return float(np.mean(shares))


def _vector_index(part: Part, queries: Sequence[RankingQuery]) -> Figures:
    """FAISS's inverted file over the closed form's item vectors, in which a user's weights are searched."""
    vectors = _flat(part.embedded[RankBy.RATING].vectors)
    started = time.perf_counter()
    index = faiss.index_factory(vectors.shape[1], f"IVF{LISTS},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: max(1, len(vectors) // 50_000)])
    index.add(vectors)
    built = time.perf_counter() - started
    weights = [_weights(part, query) for query in queries]
    best = [np.argsort(-(vectors @ own))[:100] for own in weights]
    found: Figures = {}
    for probes in PROBES:
        index.nprobe = probes
        rows = [index.search(own[None], 100)[1][0] for own in weights]
        turns = itertools.cycle(weights)
        times = medians({"search": lambda turns=turns: index.search(next(turns)[None], 100)}, repeats=REPEATS)
        found[str(probes)] = {
            "milliseconds": 1000 * times["search"],
            **{
                f"recall@{n}": float(
                    np.mean([len({*own[:n]} & {*ours[:n]}) / n for own, ours in zip(best, rows, strict=True)])
                )
                for n in (10, 100)
            },
        }
    return {"build_seconds": built, "probes": found}


def _weights(part: Part, query: RankingQuery) -> np.ndarray[Any, Any]:
    """The vector whose inner products with the items' vectors are a user's scores, as the closed form has one."""
    recommender = Recommender.over(Catalogue([part], np.ones(len(part), dtype=np.bool_)))
    learner, support = part.model.learner, support_of(recommender, query)
    # The scores of unit vectors.
    vectors = part.embedded[RankBy.RATING].vectors
    widths = [values[0].numel() for values in vectors.tensors()]
    columns = torch.eye(sum(widths)).split(widths, dim=1)
    units = type(vectors)(
        *(values.reshape(-1, *tensor.shape[1:]) for values, tensor in zip(columns, vectors.tensors(), strict=True))
    )
    weights = learner.prepare(units).scores(learner.adapt(support), support.users)[0]
    return np.ascontiguousarray(weights.numpy())


def _flat(rows: TensorRows) -> np.ndarray[Any, Any]:
    """All numbers of each row side by side; float32 [rows, width]."""
    return torch.cat([values.reshape(len(rows), -1) for values in rows.tensors()], dim=1).numpy()


def section(figures: Figures, results: Path) -> str:
    """Tables, and a plot of how the time grows."""
    _plot(figures["presets"], results / "million-items.svg")
    parts = [(__doc__ or "").partition("\n\n")[2].strip(), "![growth](million-items.svg)"]
    for preset, sizes in figures["presets"].items():
        rows = [
            [
                f"{int(size):,}",
                *(f"{own['milliseconds'][name]:.1f}" for name in TIMES),
                *(f"{own[name]:.3f}" for name in RECALLS),
                f"{own['build_seconds']:.1f}",
                f"{own['memory_mib']:,.0f}",
            ]
            for size, own in sizes.items()
        ]
        header = [f"`{preset}`, ms", *TIMES, *RECALLS, "s to build the shortlist", "MiB of the process"]
        parts.append(table(header, rows))
    probes = figures["index"]["probes"]
    parts += [
        f"FAISS over the same vectors of the largest catalogue of `coldstart`: an inverted file of {LISTS:,} lists, "
        f"built in {figures['index']['build_seconds']:.0f} s.",
        table(
            ["lists searched", "ms", "recall@10", "recall@100"],
            [
                [probe, f"{own['milliseconds']:.1f}", f"{own['recall@10']:.3f}", f"{own['recall@100']:.3f}"]
                for probe, own in probes.items()
            ],
        ),
    ]
    return "\n\n".join(parts)


def _plot(presets: Figures, file: Path) -> None:
    figure, panels = plt.subplots(1, len(presets), figsize=(11, 4), sharey=True, layout="constrained")
    for panel, (preset, sizes) in zip(panels, presets.items(), strict=True):
        for name in TIMES:
            times = [own["milliseconds"][name] for own in sizes.values()]
            panel.plot([int(size) for size in sizes], times, marker=".", label=name)
        panel.set_title(preset)
        panel.set_xlabel("items")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("ms")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(TIMES))
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    run(measure)

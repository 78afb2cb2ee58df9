"""Whether the ids of a file are those of the ratings, and why they may differ."""

from collections.abc import Callable

import polars as pl

from models.data.dataset import Remark

_ENOUGH = 0.5
"""A warning follows if a smaller share of the ids matches. It decides a message, and no model."""

_DIFFERENCES: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "leading zeros": lambda text: text.str.replace(r"^0+(.)", "${1}"),
    "upper and lower case": lambda text: text.str.to_lowercase(),
    "spaces and punctuation": lambda text: text.str.replace_all(r"[^\p{L}\p{N}]", ""),
    "what stands before the number": lambda text: text.str.replace(r"^\D+0*(\d)", "${1}"),
}
"""How ids of the same things often differ, and what makes them equal."""


def rated_ids_remark(file: str, ids: pl.Series, rated: pl.Series, *, noun: str) -> Remark:
    """How many ids of the users or items of a file have ratings or interactions, and the reverse.

    Args:
        file: The file.
        ids: Its distinct ids.
        rated: The distinct ids in the ratings and interactions; at least one.
        noun: What the ids are of: "user" or "item".
    """
    shared = int(ids.is_in(rated.implode()).sum())
    text = (
        f"{file}: {shared:,} of its {len(ids):,} ids occur in the ratings or interactions, "
        f"which name {len(rated):,} {noun}{'s' if len(rated) != 1 else ''}"
    )
    if shared >= _ENOUGH * len(rated):
        return Remark(text)
    return Remark(f"{text}; {_likely_cause(ids, rated, shared)}", is_warning=True)


def known_ids_remark(file: str, ids: pl.Series, known: pl.Series, *, noun: str) -> Remark:
    """How many ids of a file that only adds columns are those of known users or items."""
    shared = int(ids.is_in(known.implode()).sum())
    text = f"{file}: {shared:,} of its {len(ids):,} ids are {noun}s that other files name"
    if shared < len(ids):
        text += f"; the others are left out (with adds = true they would be {noun}s too)"
    if shared >= _ENOUGH * min(len(ids), len(known)):
        return Remark(text)
    return Remark(f"{text}; {_likely_cause(ids, known, shared)}", is_warning=True)


def _likely_cause(ids: pl.Series, others: pl.Series, shared: int) -> str:
    """What to look at if few ids of a file match others."""
    mine, theirs = ids.alias("id").to_frame(), others.alias("id").to_frame()
    least = max(2 * shared, _ENOUGH * min(len(ids), len(others)))
    unmatched = theirs.join(mine, on="id", how="anti")
    for difference, same in _DIFFERENCES.items():
        key = same(pl.col("id")).alias("key")
        pairs = (
            mine.with_columns(key).join(unmatched.with_columns(key), on="key", suffix="_of_rating").head(len(others))
        )
        if pairs.height + shared >= least and pairs.height:
            mine_id, their_id = pairs.select("id", "id_of_rating").row(0)
            return f"the ids differ in {difference}, such as {mine_id!r} here and {their_id!r} there"
    if ids.is_empty() or unmatched.is_empty():
        return "the file has few ids"
    return f"compare {ids[0]!r} here and {unmatched['id'][0]!r} there: is the column of the id the right one?"

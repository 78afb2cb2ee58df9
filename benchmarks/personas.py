"""Lists of six made-up people: would these people choose the films that the model shows them?

    python -m benchmarks.personas --model ARTIFACT [ARTIFACT …]

Writes docs/results/personas.md and personas.json. The artifacts are those that `coldstart train` makes of MovieLens
100K and MovieLens 1M. Each person has rated five films.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.artifact import TrainedModel, load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.explanation import Reason, explain
from models.ranking.query import RankBy, RankedItem
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
LENGTH = 10

OFTEN_RATED = 0.1
"""The films with the most ratings, this share of the catalogue, are not obscure."""


@dataclass(frozen=True)
class Persona:
    """Somebody with a taste.

    Attributes:
        name: A short name.
        ratings: Title and year of films, and the ratings of them.
        genres: A film with one of these genres matches the taste. None: a film that is not often rated matches it.
        has_taste: False if no film can match it.
    """

    name: str
    ratings: Mapping[tuple[str, int], int]
    genres: frozenset[str] | None = None
    has_taste: bool = True


PERSONAS = (
    Persona(
        "science fiction",
        {
            ("Blade Runner", 1982): 5,
            ("2001: A Space Odyssey", 1968): 5,
            ("Contact", 1997): 4,
            ("Star Trek: First Contact", 1996): 4,
            ("Sleepless in Seattle", 1993): 2,
        },
        frozenset({"Sci-Fi"}),
    ),
    Persona(
        "horror",
        {
            ("Night of the Living Dead", 1968): 5,
            ("Carrie", 1976): 5,
            ("Scream", 1996): 5,
            ("Bram Stoker's Dracula", 1992): 4,
            ("Sense and Sensibility", 1995): 2,
        },
        frozenset({"Horror"}),
    ),
    Persona(
        "family",
        {
            ("Beauty and the Beast", 1991): 5,
            ("Aladdin", 1992): 5,
            ("Mary Poppins", 1964): 5,
            ("Snow White and the Seven Dwarfs", 1937): 4,
            ("Alien", 1979): 2,
        },
        frozenset({"Animation", "Children's", "Family"}),
    ),
    Persona(
        "romance",
        {
            ("Sleepless in Seattle", 1993): 5,
            ("When Harry Met Sally...", 1989): 5,
            ("Ghost", 1990): 5,
            ("Pretty Woman", 1990): 4,
            ("Starship Troopers", 1997): 2,
        },
        frozenset({"Romance"}),
    ),
    Persona(
        "dislikes everything",
        {
            ("Jurassic Park", 1993): 1,
            ("Toy Story", 1995): 1,
            ("Jerry Maguire", 1996): 1,
            ("Scream", 1996): 1,
            ("Titanic", 1997): 1,
        },
        has_taste=False,
    ),
    Persona(
        "obscure films",
        {
            ("Burnt By the Sun", 1994): 5,
            ("Paris Is Burning", 1990): 5,
            ("Trust", 1990): 5,
            ("Once Were Warriors", 1994): 4,
            ("Jurassic Park", 1993): 2,
        },
    ),
)


@dataclass(frozen=True)
class Shown:
    """A film in a list.

    Attributes:
        title: Its title.
        year: Its year.
        genres: Its genres.
        ratings: How many ratings it has in training.
        choice_probability: As in `RankedItem`.
        like_probability: As in `RankedItem`.
        predicted_rating: As in `RankedItem`.
        reason: Why it is there, in words; empty if no rating stands out.
        matches: Whether it matches the person's taste.
    """

    title: str
    year: int | None
    genres: list[str]
    ratings: int
    choice_probability: float
    like_probability: float | None
    predicted_rating: float
    reason: str
    matches: bool


@dataclass(frozen=True)
class PersonaFigures:
    """A person's lists.

    Attributes:
        ratings: What the person has rated, in words.
        share_of_catalogue: Which share of all films matches the person's taste; None if no film can.
        lists: By order, the list; and the list of strangers.
    """

    ratings: list[str]
    share_of_catalogue: float | None
    lists: dict[str, list[Shown]]


class Films:
    """The films of a model, and the lists from them."""

    def __init__(self, model: TrainedModel) -> None:
        """Embed the catalogue."""
        self._recommender = Recommender(model, model.items)
        table = model.items.table
        self._counts = dict(zip(model.items.ids, self._recommender.catalogue.counts.tolist(), strict=True))
        self._films = {film["id"]: film for film in table.iter_rows(named=True)}
        self._obscure_below = float(np.quantile(list(self._counts.values()), 1 - OFTEN_RATED))
        self._ids: dict[tuple[str, int], str] = {}
        # Of films that are in the data twice, the one with more ratings.
        for film_id, film in sorted(self._films.items(), key=lambda found: self._counts[found[0]]):
            if film["year"] is not None:
                self._ids[film["title"], int(film["year"])] = film_id

    def list_of(self, persona: Persona, rank_by: RankBy) -> list[Shown]:
        """What the person is shown."""
        query = RankingQuery(attributes={}, ratings=self._ratings(persona), n=LENGTH, rank_by=rank_by)
        ranked = self._recommender.recommend(query)
        reasons = explain(self._recommender, query, [item.item_id for item in ranked])
        return [self._shown(item, persona, reasons.get(item.item_id)) for item in ranked]

    def list_of_strangers(self, persona: Persona) -> list[Shown]:
        """What a stranger is shown, less the films that the person has rated."""
        rated = [rating.item_id for rating in self._ratings(persona)]
        query = RankingQuery(attributes={}, ratings=[], n=LENGTH, exclude=rated)
        return [self._shown(item, persona, None) for item in self._recommender.recommend(query)]

    def share_of_catalogue(self, persona: Persona) -> float | None:
        """Which share of all films matches the person's taste; None if no film can."""
        if not persona.has_taste:
            return None
        return statistics.mean(self._matches(film_id, persona) for film_id in self._films)

    def _ratings(self, persona: Persona) -> list[ItemRating]:
        return [ItemRating(self._ids[film], float(rating)) for film, rating in persona.ratings.items()]

    def _matches(self, film_id: str, persona: Persona) -> bool:
        if persona.genres is None:
            return persona.has_taste and self._counts[film_id] < self._obscure_below
        return not persona.genres.isdisjoint(self._films[film_id]["genre"] or ())

    def _shown(self, item: RankedItem, persona: Persona, reason: Reason | None) -> Shown:
        film = self._films[item.item_id]
        words = ""
        if reason is not None:
            words = f"{'because you gave' if reason.liked else 'unlike'} {reason.title} ★ {reason.rating:g}"
        return Shown(
            title=film["title"],
            year=None if film["year"] is None else int(film["year"]),
            genres=list(film["genre"] or ()),
            ratings=self._counts[item.item_id],
            choice_probability=item.choice_probability,
            like_probability=item.like_probability,
            predicted_rating=item.predicted_rating,
            reason=words,
            matches=self._matches(item.item_id, persona),
        )


def figures_of(films: Films) -> dict[str, PersonaFigures]:
    """All lists of a model, by person."""
    return {
        persona.name: PersonaFigures(
            ratings=[f"{title} ({year}) ★ {rating}" for (title, year), rating in persona.ratings.items()],
            share_of_catalogue=films.share_of_catalogue(persona),
            lists={
                "choice": films.list_of(persona, RankBy.CHOICE),
                "rating": films.list_of(persona, RankBy.RATING),
                "strangers": films.list_of_strangers(persona),
            },
        )
        for persona in PERSONAS
    }


def heading(model: TrainedModel) -> str:
    """What the lists are from."""
    data = model.manifest.data
    return f"{model.schema.name}, model of {data.training_ratings:,} ratings"


def page(figures: Mapping[str, Mapping[str, PersonaFigures]]) -> str:
    """The whole page, as Markdown."""
    parts = [
        "# Lists of six people",
        "Regenerated by `python -m benchmarks.personas --model DIR [DIR …]`; all figures are in personas.json.",
        "Six made-up people, each with five ratings of real films and nothing else. Their ratings were written down "
        "before any list was looked at. Four have one clear taste: a film matches it by its genre. One likes obscure "
        "films: a film matches if it is not among the tenth of the catalogue that is rated most. One dislikes "
        "everything: no film matches, and the predictions have to be low.",
    ]
    for data, by_person in figures.items():
        parts += [f"## {data}", _summary(by_person)]
        for name, person in by_person.items():
            parts += [
                f"### {data}: {name}",
                "Rated: " + ", ".join(person.ratings) + ".",
                _films(person.lists["choice"]),
            ]
    return "\n\n".join(parts) + "\n"


def _summary(by_person: Mapping[str, PersonaFigures]) -> str:
    header = (
        "person",
        "match, of 10",
        "in order of predicted ratings",
        "in the list of strangers",
        "in the catalogue",
        "P(like), mean",
        "predicted rating, mean",
        "P(like) in the list of strangers",
    )
    rows = [
        (
            name,
            *(_matches(person, order) for order in ("choice", "rating", "strangers")),
            "–" if person.share_of_catalogue is None else f"{person.share_of_catalogue:.0%}",
            f"{_mean_liking(person.lists['choice']):.2f}",
            f"{statistics.mean(film.predicted_rating for film in person.lists['choice']):.1f}",
            f"{_mean_liking(person.lists['strangers']):.2f}",
        )
        for name, person in by_person.items()
    ]
    return _markdown([header, *rows])


def _matches(person: PersonaFigures, order: str) -> str:
    return "–" if person.share_of_catalogue is None else str(sum(film.matches for film in person.lists[order]))


def _mean_liking(shown: Sequence[Shown]) -> float:
    return statistics.mean(film.like_probability or 0.0 for film in shown)


def _films(shown: Sequence[Shown]) -> str:
    header = ("", "film", "genres", "ratings", "P(choose)", "P(like)", "predicted rating", "why", "matches")
    rows = [
        (
            str(place),
            film.title if film.year is None else f"{film.title} ({film.year})",
            ", ".join(film.genres),
            f"{film.ratings:,}",
            f"{film.choice_probability:.2%}",
            "" if film.like_probability is None else f"{film.like_probability:.2f}",
            f"{film.predicted_rating:.1f}",
            film.reason,
            "✓" if film.matches else "",
        )
        for place, film in enumerate(shown, start=1)
    ]
    return _markdown([header, *rows])


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, nargs="+")
    arguments = parser.parse_args()
    compute_in_one_thread()
    models = [load_artifact(path) for path in arguments.model]
    figures = {heading(model): figures_of(Films(model)) for model in models}
    as_json = {data: {name: asdict(person) for name, person in people.items()} for data, people in figures.items()}
    (RESULTS / "personas.json").write_text(json.dumps(as_json, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "personas.md").write_text(page(figures), encoding="utf-8")


if __name__ == "__main__":
    main()

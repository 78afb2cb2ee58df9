"""Which items to ask a new user about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.services.checks import GivenRating, filter_faults, raise_faults, rating_faults
from app.services.line_up import Serving
from app.services.model_host import ModelHost
from app.services.scoring import CandidateRequest, Scorer
from app.storage.database import Database
from app.storage.ratings import RatingRepository
from app.storage.skips import SkipRepository
from models.elicitation.strategy import Candidate, Strategy


@dataclass(frozen=True)
class Candidates:
    """Items to ask about, the best first, and the model version that chose them."""

    items: Sequence[Candidate]
    model_version: str


@dataclass(frozen=True)
class CandidateOptions:
    """What a client may ask of candidates.

    Attributes:
        strategy: How to choose them; the service's default if None.
        n: Most of them.
        exclude: Items to leave out.
        filters: Field → accepted values.
        seed: Of the random strategy.
    """

    strategy: Strategy | None
    n: int
    exclude: Sequence[str]
    filters: Mapping[str, Sequence[str]]
    seed: int


class Eliciting:
    """Chooses evidence candidates; what was rated or skipped is left out."""

    def __init__(self, database: Database, host: ModelHost, scorer: Scorer, default: Strategy) -> None:
        self._database = database
        self._host = host
        self._scorer = scorer
        self._default = default

    async def for_user(self, user_id: str | None, skipped: Sequence[str], options: CandidateOptions) -> Candidates:
        """Candidates for a stored user, who may be new, or for somebody of whom only skips are known.

        Args:
            user_id: Whose ratings and skips count, if anybody's.
            skipped: Skips that are not stored.
            options: What is asked for.

        Raises:
            InvalidRequestError: If a filter names a field that items cannot be filtered by.
            NoActiveModelError: If no model is being served.
        """
        serving = await self._host.current(user_id)
        rated: Sequence[str] = ()
        if user_id is not None:
            async with self._database.read() as session:
                # In this order: what was skipped and is rated in between is found in one of them.
                skipped = [*skipped, *await SkipRepository(session).skipped_items(user_id)]
                rated = await RatingRepository(session).rated_items(user_id)
        raise_faults(filter_faults(options.filters, serving.schema.items))
        return await self._choose(serving, rated, skipped, options)

    async def for_visitor(
        self, ratings: Sequence[GivenRating], skipped: Sequence[str], options: CandidateOptions
    ) -> Candidates:
        """Candidates from the answers and skips in the request alone; nothing is stored.

        Raises:
            InvalidRequestError: If ratings or filters contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        rated = [given.item_id for given in ratings]
        serving = await self._host.current()
        raise_faults(
            rating_faults(ratings, serving.schema.rating_scale, serving.missing(rated)),
            filter_faults(options.filters, serving.schema.items),
        )
        return await self._choose(serving, rated, skipped, options)

    async def _choose(
        self, serving: Serving, rated: Collection[str], skipped: Collection[str], options: CandidateOptions
    ) -> Candidates:
        request = CandidateRequest(
            strategy=options.strategy or self._default,
            n=options.n,
            rated=rated,
            skipped=skipped,
            exclude=options.exclude,
            filters=options.filters,
            seed=options.seed,
        )
        return Candidates(await self._scorer.candidates(serving.recommender, request), serving.model_version)

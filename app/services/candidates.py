"""Candidates: which items to ask a new user about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.lists.feedback import Feedback
from app.services.answer_errors import answer_errors
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import CandidateRequest, Ranker
from app.services.scenarios import ScenarioService
from app.services.validation import interaction_errors, raise_if_invalid, rating_errors
from app.storage.database import Database
from app.storage.interactions import InteractionRepository
from app.storage.ratings import RatingRepository
from app.storage.skips import SkipRepository
from models.elicitation.strategy import Candidate, Strategy
from models.ranking.filters import Filter


@dataclass(frozen=True)
class CandidateList:
    """Items to ask about, best first, and the model version that chose them."""

    items: Sequence[Candidate]
    model_version: str


@dataclass(frozen=True)
class CandidateOptions:
    """The options of a request for candidates.

    Attributes:
        strategy: How to choose candidates; the service's default if None.
        n: The most candidates.
        exclude: Items to leave out.
        filters: Conditions on the items.
        seed: Seed of the random strategy.
        scenario: The scenario that the request names, whose strategy counts if the request has none.
    """

    strategy: Strategy | None
    n: int
    exclude: Sequence[str]
    filters: Filter
    seed: int
    scenario: str | None = None


class CandidateService:
    """Chooses candidates. Items that the user has rated, interacted with or skipped are left out."""

    def __init__(
        self, database: Database, host: ModelHost, ranker: Ranker, scenarios: ScenarioService, default: Strategy
    ) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._scenarios = scenarios
        self._default = default

    async def for_user(self, user_id: str | None, skipped: Sequence[str], options: CandidateOptions) -> CandidateList:
        """Candidates for a stored user, for a new user, or for a visitor with skips alone.

        Args:
            user_id: The user whose stored ratings, interactions and skips count; None for a visitor.
            skipped: Items that were skipped, in addition to the stored skips.
            options: The options of the request.

        Raises:
            InvalidRequestError: If a filter has a field, a value or a condition that items do not have.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current(user_id)
        rated: Sequence[str] = ()
        if user_id is not None:
            async with self._database.read() as session:
                # In this order: an item that is skipped first and rated meanwhile is in one of the two lists.
                skipped = [*skipped, *await SkipRepository(session).skipped_items(user_id)]
                rated = [
                    *await RatingRepository(session).rated_items(user_id),
                    *await InteractionRepository(session).items_of(user_id),
                ]
        raise_if_invalid(await filter_errors(options.filters, served))
        return await self._choose(served, rated, skipped, options, user_id)

    async def for_visitor(self, feedback: Feedback, options: CandidateOptions) -> CandidateList:
        """Candidates from the request alone. Nothing is stored.

        Raises:
            InvalidRequestError: If ratings, interactions, answers or filters contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        rated = [given.item_id for given in feedback.ratings]
        interacted = [given.item_id for given in feedback.interactions]
        served = await self._host.current()
        raise_if_invalid(
            rating_errors(feedback.ratings, served.schema.rating_scale, served.missing(rated)),
            interaction_errors(feedback.interactions, served.schema.kinds, served.missing(interacted)),
            await answer_errors(feedback.answers, served),
            await filter_errors(options.filters, served),
        )
        # A visitor knows an item after an interaction, so asking about it again is no use.
        return await self._choose(served, [*rated, *interacted], feedback.skipped, options, None)

    async def _choose(
        self,
        served: ServedModel,
        rated: Collection[str],
        skipped: Collection[str],
        options: CandidateOptions,
        user_id: str | None,
    ) -> CandidateList:
        of_scenario = await self._scenarios.strategy(options.scenario, user_id)
        request = CandidateRequest(
            strategy=options.strategy or of_scenario or self._default,
            n=options.n,
            rated=rated,
            skipped=skipped,
            exclude=options.exclude,
            filters=options.filters,
            seed=options.seed,
        )
        return CandidateList(await self._ranker.candidates(served.recommender, request), served.model_version)

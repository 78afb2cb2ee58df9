"""Which items to ask a new user about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.services.checks import filter_faults, raise_faults
from app.services.model_host import ModelHost
from app.services.scoring import CandidateRequest, Scorer
from app.storage.database import Database
from app.storage.ratings import RatingRepository
from app.storage.versions import VersionsRepository
from models.candidates import Candidate


@dataclass(frozen=True)
class Candidates:
    """Items to ask about, the best first, and the model version that chose them."""

    items: Sequence[Candidate]
    model_version: str


class Eliciting:
    """Chooses evidence candidates."""

    def __init__(self, database: Database, host: ModelHost, scorer: Scorer) -> None:
        self._database = database
        self._host = host
        self._scorer = scorer

    async def choose(self, request: CandidateRequest, *, user_id: str | None) -> Candidates:
        """Choose items, without those that the user has rated; an unknown user has rated nothing yet.

        Raises:
            InvalidRequestError: If a filter names a field that items cannot be filtered by.
            NoActiveModelError: If no model is being served.
        """
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
            rated = [] if user_id is None else await RatingRepository(session).rated_items(user_id)
        serving = await self._host.at(versions)
        raise_faults(filter_faults(request.filters, serving.schema.items))
        without_rated = replace(request, exclude=[*request.exclude, *rated])
        return Candidates(await self._scorer.candidates(serving.recommender, without_rated), serving.model_version)

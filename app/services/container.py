"""All services of one process, and how they are opened and closed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.announcements import open_announcements
from app.cache import create_cache
from app.jobs.worker import Worker, working
from app.services.admission import Admission
from app.services.answers import AnswerService
from app.services.api_keys import APIKeyService, open_api_keys
from app.services.audiences import AudienceService
from app.services.candidates import CandidateService
from app.services.choice_counts import ChoiceCounter
from app.services.click_rates import ClickRateService
from app.services.evaluations import EvaluationService
from app.services.events import EventService
from app.services.health import HealthService
from app.services.interactions import InteractionService
from app.services.item_lists import ItemListService
from app.services.item_popularity import counting_ratings
from app.services.items import ItemService
from app.services.list_explanations import ListExplanationService
from app.services.list_exports import ListExportService
from app.services.model_host import ModelHost
from app.services.model_refresh import ModelRefresher
from app.services.model_reports import ModelReportService
from app.services.model_versions import ModelVersionService
from app.services.overview import OverviewService
from app.services.predicted_ratings import PredictedRatingSampler
from app.services.questions import QuestionService
from app.services.ranking import Ranker
from app.services.ratings import RatingService
from app.services.recommendations import RecommendationService
from app.services.record_stream import RecordStream
from app.services.scenarios import ScenarioService
from app.services.similar_items import SimilarItemService
from app.services.skips import SkipService
from app.services.strangers import StrangersLists
from app.services.tastes import TasteService
from app.services.trainings import TrainingService
from app.services.user_writes import UserWriter
from app.services.users import UserService
from app.settings import Settings
from app.storage.database import open_database
from app.storage.items import ItemRecord
from app.storage.migrate import upgrade
from app.storage.users import UserRecord

if TYPE_CHECKING:
    from app.rate_limit import RateLimit


@dataclass(frozen=True)
class Services:
    """The services that the API calls."""

    api_keys: APIKeyService
    rate_limit: "RateLimit | None"
    admission: Admission
    users: UserService
    ratings: RatingService
    interactions: InteractionService
    skips: SkipService
    answers: AnswerService
    questions: QuestionService
    tastes: TasteService
    recommendations: RecommendationService
    list_explanations: ListExplanationService
    similar_items: SimilarItemService
    audiences: AudienceService
    scenarios: ScenarioService
    candidates: CandidateService
    items: ItemService
    item_lists: ItemListService
    item_stream: RecordStream[ItemRecord]
    user_stream: RecordStream[UserRecord]
    evaluations: EvaluationService
    trainings: TrainingService
    list_exports: ListExportService
    model_versions: ModelVersionService
    model_reports: ModelReportService
    model_refresher: ModelRefresher
    events: EventService
    click_rates: ClickRateService
    health: HealthService
    overview: OverviewService


@asynccontextmanager
async def open_services(settings: Settings, *, with_worker: bool = False) -> AsyncIterator[Services]:
    """Open the services over a migrated database, and close them when the block ends.

    Args:
        settings: The service's settings.
        with_worker: Whether to run jobs in this process.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database_url.get_secret_value()))
        await upgrade(database)
        api_keys = await stack.enter_async_context(open_api_keys(database, required=not settings.allow_anonymous))
        await stack.enter_async_context(counting_ratings(database, seconds=settings.popularity_seconds))
        rate_limit = None
        if settings.rate_limit is not None:
            from app.rate_limit import open_rate_limit  # noqa: PLC0415 - redis-py takes long to import

            rate_limit = await stack.enter_async_context(open_rate_limit(settings.rate_limit, settings.redis_url))
        cache = create_cache(settings)
        stack.push_async_callback(cache.close)
        worker = Worker(settings, database)
        if with_worker:
            await stack.enter_async_context(working(worker))
        announcements = await stack.enter_async_context(open_announcements(settings))
        host = ModelHost(database, device=settings.device)
        ranker = Ranker()
        stack.push_async_callback(ranker.close)
        half_life = timedelta(hours=settings.shown_half_life_hours)
        scenarios = ScenarioService(database, host)
        writer = UserWriter(database, half_life=half_life)
        sampler = PredictedRatingSampler(database)
        stack.push_async_callback(sampler.close)
        health = HealthService(database, host, cache)
        users, items = UserService(database, host), ItemService(database, host)
        item_lists = ItemListService(database, host, ChoiceCounter(database, settings.popularity_seconds))
        strangers = StrangersLists(item_lists, settings.strangers)
        yield Services(
            api_keys=api_keys,
            rate_limit=rate_limit,
            admission=Admission(settings.max_rankings),
            users=users,
            ratings=RatingService(database, host, ranker, writer, sampler),
            interactions=InteractionService(database, host, ranker, writer),
            skips=SkipService(database, host),
            answers=AnswerService(database, host, ranker, writer),
            questions=QuestionService(database, host, ranker, half_life=half_life),
            tastes=TasteService(database, host, ranker, half_life=half_life),
            recommendations=RecommendationService(
                database, host, ranker, cache, scenarios, strangers, half_life=half_life
            ),
            list_explanations=ListExplanationService(database, host, ranker, scenarios, strangers, half_life=half_life),
            similar_items=SimilarItemService(host, ranker),
            audiences=AudienceService(database, host, half_life=half_life),
            scenarios=scenarios,
            candidates=CandidateService(database, host, ranker, scenarios, settings.candidate_strategy),
            items=items,
            item_lists=item_lists,
            item_stream=RecordStream(host, lambda schema: schema.items, items.store),
            user_stream=RecordStream(host, lambda schema: schema.users, users.store),
            evaluations=EvaluationService(database, worker.wake, settings.data_dir),
            trainings=TrainingService(database, worker.wake, settings.data_dir),
            list_exports=ListExportService(database, worker.wake, host, settings),
            model_versions=ModelVersionService(database, host, announcements),
            model_reports=ModelReportService(database),
            model_refresher=ModelRefresher(host, announcements),
            events=EventService(
                database, host, {str(kind): name for kind, name in settings.events_as_interactions.items()}
            ),
            click_rates=ClickRateService(database),
            health=health,
            overview=OverviewService(database, health),
        )

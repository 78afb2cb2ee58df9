"""All services of one process, and how they are opened and closed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from anyio import to_thread

from app.announcements import open_announcements
from app.cache import create_cache
from app.jobs.queue import JobQueue
from app.jobs.runner import JobRunner
from app.jobs.worker import EmbeddedWorker
from app.rate_limit import RateLimit, open_rate_limit
from app.services.admission import Admission
from app.services.catalogue import Catalogue
from app.services.eliciting import Eliciting
from app.services.evaluations import Evaluations
from app.services.events import Events
from app.services.follower import Follower
from app.services.health import Health
from app.services.item_stream import ItemStream
from app.services.keys import Keys, open_keys
from app.services.model_host import ModelHost
from app.services.model_reports import ModelReports
from app.services.model_versions import ModelVersions
from app.services.online_error import OnlineError
from app.services.popularity import open_popularity
from app.services.ratings import Ratings
from app.services.recommending import Recommending
from app.services.scoring import Scorer
from app.services.skips import Skips
from app.services.trainings import Trainings
from app.services.users import Users
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade


@dataclass(frozen=True)
class Services:
    """What the API calls."""

    keys: Keys
    rate_limit: RateLimit | None
    admission: Admission
    users: Users
    ratings: Ratings
    skips: Skips
    recommending: Recommending
    eliciting: Eliciting
    catalogue: Catalogue
    item_stream: ItemStream
    evaluations: Evaluations
    trainings: Trainings
    model_versions: ModelVersions
    model_reports: ModelReports
    follower: Follower
    events: Events
    health: Health


@asynccontextmanager
async def open_services(settings: Settings, *, with_worker: bool = False) -> AsyncIterator[Services]:
    """The services over a migrated database, closed when the block ends.

    Args:
        settings: What to open.
        with_worker: Whether to work off jobs meanwhile.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database_url.get_secret_value()))
        await upgrade(database)
        keys = await stack.enter_async_context(open_keys(database, required=not settings.allow_anonymous))
        await stack.enter_async_context(open_popularity(database, seconds=settings.popularity_seconds))
        rate_limit = await stack.enter_async_context(open_rate_limit(settings))
        cache = create_cache(settings)
        stack.push_async_callback(cache.close)
        runner = JobRunner(settings)
        queue = JobQueue(settings, run=runner.run)
        stack.callback(queue.close)
        if with_worker:
            await stack.enter_async_context(_worker(queue, runner))
        announcements = await stack.enter_async_context(open_announcements(settings))
        host = ModelHost(database, device=settings.device)
        scorer = Scorer()
        stack.push_async_callback(scorer.close)
        online_error = OnlineError(database)
        stack.push_async_callback(online_error.close)
        yield Services(
            keys=keys,
            rate_limit=rate_limit,
            admission=Admission(settings.max_rankings),
            users=Users(database, host),
            ratings=Ratings(database, host, scorer, online_error),
            skips=Skips(database, host),
            recommending=Recommending(database, host, scorer, cache),
            eliciting=Eliciting(database, host, scorer, settings.candidate_strategy),
            catalogue=Catalogue(database, host),
            item_stream=ItemStream(database, host),
            evaluations=Evaluations(database, queue, settings.data_dir),
            trainings=Trainings(database, queue, settings.data_dir),
            model_versions=ModelVersions(database, host, announcements),
            model_reports=ModelReports(database),
            follower=Follower(host, announcements),
            events=Events(database, host),
            health=Health(database, host, cache, queue),
        )


@asynccontextmanager
async def _worker(queue: JobQueue, runner: JobRunner) -> AsyncIterator[None]:
    worker = EmbeddedWorker(queue, runner)
    await to_thread.run_sync(worker.start)
    try:
        yield
    finally:
        await to_thread.run_sync(worker.stop)

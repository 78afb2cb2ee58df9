"""What became of the lists of a model version: the report by which versions are compared online."""

from dataclasses import dataclass
from datetime import datetime

from app.errors import ModelVersionNotFoundError
from app.storage.database import Database
from app.storage.events import EventRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.predicted_ratings import PredictedRatingRepository
from app.storage.report_window import Window
from app.storage.tables import EventType
from models.metrics.ratio import mean_interval_95, share_interval_95


@dataclass(frozen=True)
class OnlineEstimate:
    """A figure with the ends of its 95 % interval, which are None where one user alone says nothing of others."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ModelReport:
    """What became of a version's lists.

    Attributes:
        version: The model version.
        since: From when on; None is from the beginning.
        until: Before when; None is until now.
        users: Users of whom anything is known here.
        shown: Events of that type.
        clicked: Events of that type.
        rated: Events of that type.
        click_rate: Clicks per showing, None if nothing was shown.
        measured_ratings: Ratings that were compared with their predictions.
        mae: Their mean absolute error, None without any.
    """

    version: str
    since: datetime | None
    until: datetime | None
    users: int
    shown: int
    clicked: int
    rated: int
    click_rate: OnlineEstimate | None
    measured_ratings: int
    mae: OnlineEstimate | None


class ModelReportService:
    """Makes reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, version_id: str, *, since: datetime | None, until: datetime | None) -> ModelReport:
        """What became of a version's lists in a time.

        Raises:
            ModelVersionNotFoundError: If it is not registered.
        """
        window = Window(version_id, since, until)
        async with self._database.read() as session:
            if not await ModelVersionRepository(session).known([version_id]):
                raise ModelVersionNotFoundError(version_id)
            events = EventRepository(session)
            counts, users, clicks = await events.counts(window), await events.users(window), await events.clicks(window)
            errors = await PredictedRatingRepository(session).errors(window)
        return ModelReport(
            version=version_id,
            since=since,
            until=until,
            users=users,
            shown=counts.get(EventType.SHOWN, 0),
            clicked=counts.get(EventType.CLICKED, 0),
            rated=counts.get(EventType.RATED, 0),
            click_rate=None if clicks is None else OnlineEstimate(clicks.ratio, *share_interval_95(clicks)),
            measured_ratings=0 if errors is None else round(errors.n),
            mae=None if errors is None else OnlineEstimate(errors.ratio, *(mean_interval_95(errors) or (None, None))),
        )

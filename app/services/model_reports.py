"""Reports on model versions: clicks and errors of predictions, to compare versions online."""

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
    """A figure and its 95 % interval. The ends are None for a single user."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ModelReport:
    """What happened to the lists of a version.

    Attributes:
        version: The model version.
        since: Start of the time, inclusive; None for no start.
        until: End of the time, exclusive; None for no end.
        users: Users with an event or a measured rating.
        shown: Number of events of type `shown`.
        clicked: Number of events of type `clicked`.
        rated: Number of events of type `rated`.
        click_rate: Clicks per showing; None if nothing was shown.
        measured_ratings: Number of ratings that were compared with their predictions.
        mae: Mean absolute error of these predictions; None if there are none.
    """

    version: str
    since: datetime | None
    until: datetime | None
    users: int
    shown: int
    clicked: int
    rated: int
    dismissed: int
    click_rate: OnlineEstimate | None
    measured_ratings: int
    mae: OnlineEstimate | None


class ModelReportService:
    """Makes reports on model versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, version_id: str, *, since: datetime | None, until: datetime | None) -> ModelReport:
        """The report on a version, for a time.

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
            dismissed=counts.get(EventType.DISMISSED, 0),
            click_rate=None if clicks is None else OnlineEstimate(clicks.ratio, *share_interval_95(clicks)),
            measured_ratings=0 if errors is None else round(errors.n),
            mae=None if errors is None else OnlineEstimate(errors.ratio, *(mean_interval_95(errors) or (None, None))),
        )

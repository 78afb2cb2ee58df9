"""Click rates of lists, by where and how they were shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.services.model_reports import OnlineEstimate
from app.storage.database import Database
from app.storage.events import ClickWindow, EventRepository, GroupBy
from models.metrics.ratio import share_interval_95


@dataclass(frozen=True)
class ClickRate:
    """The clicks on a group of showings.

    Attributes:
        group: What the showings have in common, such as the name of their scenario; None where it
            is unknown.
        variant: The variant of the scenario; None unless the groups are scenarios.
        shown: How many there were.
        clicked: How many were clicked.
        click_rate: Clicks per showing, with its 95 % interval over users.
    """

    group: str | None
    variant: str | None
    shown: int
    clicked: int
    click_rate: OnlineEstimate


class ClickRateService:
    """Counts clicks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rates(
        self,
        by: GroupBy,
        *,
        scenario: str | None,
        model_version: str | None,
        since: datetime | None,
        until: datetime | None,
    ) -> Sequence[ClickRate]:
        """The click rate of every group, those with the most showings first.

        Args:
            by: What groups the showings.
            scenario: Only lists of this scenario.
            model_version: Only lists of this version.
            since: Only events from then on.
            until: Only events from before.
        """
        window = ClickWindow(scenario, model_version, since, until)
        async with self._database.read() as session:
            groups = await EventRepository(session).clicks_by(by, window)
        return [
            ClickRate(
                group=group,
                variant=variant,
                shown=round(sums.n),
                clicked=round(sums.t),
                click_rate=OnlineEstimate(sums.ratio, *share_interval_95(sums)),
            )
            for (group, variant), sums in groups
        ]

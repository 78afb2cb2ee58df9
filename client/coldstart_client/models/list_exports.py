"""Lists for all stored users, as a job."""

from datetime import datetime

from coldstart_client.models.answer import Answer


class ListExportResult(Answer):
    """What is in the file of a list export."""

    users: int
    rows: int
    bytes: int


class ListExport(Answer):
    """Lists for all stored users, as a job. It has a `report` and a file once it has succeeded.

    `status` is queued, running, succeeded, failed or cancelled.
    """

    list_export_id: str
    status: str
    progress: float
    model_version: str
    n: int
    rank_by: str
    filter: dict[str, list[str | float] | dict[str, list[str | float] | float]]
    report: ListExportResult | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None

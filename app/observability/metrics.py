"""All metrics of the service, as Prometheus reads them at `/metrics`; `docs/operations.md` says what each one means.

Labels have few values, known beforehand: route templates and names of phases, never ids. With several server processes
on one port (`uvicorn --workers`), set PROMETHEUS_MULTIPROC_DIR to an empty directory, and any of them answers for all.
"""

import os
from enum import StrEnum

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
    multiprocess,
)

_MULTIPROCESS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Phase(StrEnum):
    """The phases that requests share in batches."""

    READ = "read"
    """Versions and user."""
    READ_RATINGS = "read_ratings"
    """The user's ratings, where the answer is not cached."""
    STORE = "store"
    """One transaction, its commit included."""
    RANK = "rank"
    """Adapting and scoring."""


class Warmth(StrEnum):
    """Groups of users by their number of ratings, interactions and answers."""

    COLD = "0"
    FEW = "1-9"
    MANY = "10+"

    @classmethod
    def of(cls, ratings: int) -> "Warmth":
        """The group of a user with this number of them."""
        if ratings == 0:
            return cls.COLD
        return cls.FEW if ratings < 10 else cls.MANY


# Is it up?
DEPENDENCY_UP = Gauge(
    "coldstart_dependency_up",
    "Whether a part that requests need works, as /health/ready says.",
    ["dependency"],
    multiprocess_mode="mostrecent",
)
REQUESTS = Counter("coldstart_http_requests", "Answered requests.", ["method", "route", "status"])
REFUSED = Counter("coldstart_rankings_refused", "Requests refused because too many were in progress.")

# Is it fast?
REQUEST_SECONDS = Histogram(
    "coldstart_http_request_seconds", "From a request to the end of its answer.", ["method", "route"], buckets=_SECONDS
)
IN_PROGRESS = Gauge(
    "coldstart_http_requests_in_progress", "Requests that are being answered.", multiprocess_mode="livesum"
)
PHASE_SECONDS = Histogram("coldstart_phase_seconds", "What one batch took.", ["phase"], buckets=_SECONDS)
PHASE_WAIT_SECONDS = Histogram(
    "coldstart_phase_wait_seconds", "What one request waited until its batch began.", ["phase"], buckets=_SECONDS
)
BATCH_REQUESTS = Histogram("coldstart_batch_requests", "Requests of one batch.", ["phase"], buckets=_BATCH_SIZES)

# Is it good?
RANKINGS = Counter(
    "coldstart_rankings",
    "Computed rankings, by the number of ratings, interactions and answers they adapted to.",
    ["ratings"],
)
ONLINE_ERROR = Summary(
    "coldstart_online_absolute_error",
    "Of a sample of new ratings, |rating − what was predicted from the ratings before|, by the number of those.",
    ["ratings"],
)
CACHE = Counter("coldstart_cache_requests", "Lists that were asked of the cache.", ["result"])
MODEL_CREATED = Gauge(
    "coldstart_model_created_timestamp_seconds",
    "When the model that serves was trained.",
    multiprocess_mode="mostrecent",
)
MODEL_VALIDATION_ERROR = Gauge(
    "coldstart_model_validation_absolute_error",
    "Mean absolute error of the model that serves, or of its research twin, on users held out of training.",
    multiprocess_mode="mostrecent",
)
JOBS = Gauge("coldstart_jobs", "Jobs in the database.", ["status"], multiprocess_mode="mostrecent")


def exposition() -> bytes:
    """All metrics in Prometheus's text format, of all server processes where there are several."""
    if _MULTIPROCESS_DIRECTORY not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's
    return generate_latest(registry)

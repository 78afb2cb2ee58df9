"""The settings of the service, read from environment variables `COLDSTART_…`."""

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from limits import parse
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from app.strangers_list import checked_strangers_list
from models.elicitation.strategy import Strategy


class SettingsError(ValueError):
    """A setting is wrong. The message names its variable, and does not repeat a value that may be secret."""


class LogFormat(StrEnum):
    """The format of log lines."""

    JSON = "json"
    TEXT = "text"


def _text_in_a_terminal() -> LogFormat:
    return LogFormat.TEXT if sys.stderr.isatty() else LogFormat.JSON


def _sqlite_in_state_dir(fields: dict[str, Any]) -> SecretStr:
    return SecretStr(f"sqlite+aiosqlite:///{fields['state_dir']}/coldstart.db")


def _without_redis(fields: dict[str, Any]) -> bool:
    return fields["redis_url"] is None


@lru_cache(maxsize=64)  # every request asks for its host
def is_loopback(name: str) -> bool:
    """Whether a host name or address means the machine itself."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _heard_by_this_machine_alone(fields: dict[str, Any]) -> bool:
    return is_loopback(fields["host"])


def _is_host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", text, re.ASCII):
            raise ValueError("must be a host name such as shop.example, without scheme and port") from None
    return text.lower()


def _is_redis_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        is_server = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and (parts.port or 1) > 0
        is_redis = is_server or (parts.scheme == "unix" and bool(parts.path))
    except ValueError:
        is_redis = False
    if not is_redis:
        raise ValueError("must be a URL such as redis://:PASSWORD@HOST:6379/0, or rediss://… with TLS")
    return url


def _is_origin(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+|\*", text):
        raise ValueError("must be an origin such as https://shop.example, without a path")
    return text


def _is_rate(text: str) -> str:
    try:
        parse(text)
    except ValueError:
        raise ValueError("must be a rate such as 600/minute") from None
    return text


class Settings(BaseSettings):
    """The settings of the service. The defaults need no other software.

    URLs are secrets because they may hold a password. Neither `repr` nor an error message shows them.

    Attributes:
        state_dir: Where the embedded database, the artifacts of training jobs and the files of list exports are kept;
            made if it is missing. Where jobs write files, all servers and workers need the same one.
        database_url: `sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://…`.
        redis_url: Cache and rate limits shared by several processes; without it each process has its own.
        model_dir: An artifact to register at every start, and to activate if it never was: a restart undoes no
            rollback.
        data_dir: The data set that evaluations read; the one the model was trained on unless given.
        device: Where models compute, as torch spells it.
        candidate_strategy: How candidates are chosen if a request does not say it.
        strangers: Which list unknown users get, if neither the request nor its scenario says it:
            `diverse`, or `popular`, `trending` or `latest`, also with days, such as `popular:30`.
        host: Address to listen on.
        port: Port to listen on.
        allow_anonymous: Whether requests need no API key. By default they need none if only this machine can reach the
            address to listen on.
        rate_limit: Most requests of each key, such as `600/minute`. Without keys: of each client address.
        allowed_hosts: Host names and addresses at which a service without keys answers, beside the loopback ones. With
            keys it answers at all.
        cors_origins: Origins whose pages may call the API from a browser, such as `https://shop.example`.
        access_log: Whether the server logs every request. A proxy in front of it usually does so.
        log_format: `json` or `text`. By default JSON, and text if standard error is a terminal.
        run_worker: Whether the server does jobs itself. By default it does if there is no Redis.
        job_silence_seconds: A job is given to another worker after its worker has been silent for this time.
        max_body_bytes: The longest request body. Longer ones are refused.
        max_rankings: The most requests for recommendations or candidates in progress. More are refused.
        popularity_seconds: Least time between two counts of new ratings for the popularity of items, and of choices for
            lists with a window.
        events_as_interactions: Which events are stored as interactions too, by type, with the kind, such as
            `{"clicked": "click"}`.
        shown_half_life_hours: An item that a user was shown or opened is half as likely in the user's lists; after this
            time that counts half. With 0 it does not count.
        event_retention_days: After how many days workers delete events; they are kept if it is not given.
        interaction_retention_days: After how many days workers delete interactions; they are kept if it is not given.
        list_export_retention_days: After how many days workers delete the files of list exports.
        train_every: Workers start a training by themselves after so many new ratings and interactions, and activate the
            new version if it is better; by default they never do.
        cache_entries: The most answers in the in-process cache.
        cache_seconds: The longest time for which an answer is cached.
    """

    model_config = SettingsConfigDict(env_prefix="COLDSTART_", frozen=True, hide_input_in_errors=True)

    state_dir: Path = Path(".coldstart")
    database_url: SecretStr = Field(default_factory=_sqlite_in_state_dir)
    redis_url: Annotated[SecretStr, AfterValidator(_is_redis_url)] | None = None
    model_dir: Path | None = None
    data_dir: Path | None = None
    device: str = "cpu"
    candidate_strategy: Strategy = Strategy.GRADIENT_POPULARITY
    strangers: Annotated[str, AfterValidator(checked_strangers_list)] = "diverse"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    allow_anonymous: bool = Field(default_factory=_heard_by_this_machine_alone)
    rate_limit: Annotated[str, AfterValidator(_is_rate)] | None = None
    allowed_hosts: tuple[Annotated[str, AfterValidator(_is_host)], ...] = ()
    cors_origins: tuple[Annotated[str, AfterValidator(_is_origin)], ...] = ()
    access_log: bool = False
    log_format: LogFormat = Field(default_factory=_text_in_a_terminal)
    run_worker: bool = Field(default_factory=_without_redis)
    job_silence_seconds: Annotated[float, Field(ge=2)] = 60
    max_body_bytes: Annotated[int, Field(ge=1)] = 1024 * 1024
    max_rankings: Annotated[int, Field(ge=1)] = 512
    popularity_seconds: Annotated[float, Field(gt=0)] = 30.0
    events_as_interactions: dict[Literal["shown", "clicked"], str] = {}
    shown_half_life_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 24.0
    event_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    interaction_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    list_export_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 7
    train_every: Annotated[int, Field(ge=1)] | None = None
    cache_entries: Annotated[int, Field(ge=1)] = 10_000
    cache_seconds: Annotated[int, Field(ge=1)] = 3600


def read_settings(given: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the environment.

    Args:
        given: Values that override the environment.

    Raises:
        SettingsError: If one of them is wrong.
    """
    try:
        return Settings(**(given or {}))
    except ValidationError as error:
        faults = [
            f"{_variable(*fault['loc'])}: {_reason(fault['msg'])}"
            for fault in error.errors()
            if fault["type"] != "default_factory_not_called"  # the consequence of another fault
        ]
        raise SettingsError("; ".join(faults)) from None
    except UnreadableSettingError as error:
        name = re.search(r'field "(\w+)"', str(error))
        variable = _variable(name[1]) if name else "a setting"
        raise SettingsError(f'{variable}: must be JSON, such as ["shop.example"] or {{"clicked": "click"}}') from None


def _variable(field: str | int, *index: str | int) -> str:
    place = "".join(f"[{each}]" for each in index)
    return f"COLDSTART_{str(field).upper()}{place}"


def _reason(message: str) -> str:
    """Pydantic's words for a wrong value, as a part of a sentence."""
    message = message.removeprefix("Value error, ")
    return message.replace("Input should", "must").partition(", unable")[0]

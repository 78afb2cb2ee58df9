"""Logs: one JSON object a line for machines, or text for people; both with the request's id and without passwords."""

import logging
import logging.config
import re

from opentelemetry import trace
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from app.observability import request_id
from app.settings import LogFormat

_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s/:@]*):\S*@")


def configure_logging(log_format: LogFormat) -> None:
    """Send all logs of this process to standard error, uvicorn's included.

    `app.api.request_tracking` logs requests if the settings ask for it. uvicorn's own access log stays silent: its
    paths hold ids of users, and it names no request.
    """
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": _Context}},
            "formatters": {LogFormat.JSON: {"()": _json_formatter}, LogFormat.TEXT: {"()": _text_formatter}},
            "handlers": {
                "standard_error": {"class": "logging.StreamHandler", "formatter": log_format, "filters": ["context"]}
            },
            "root": {"handlers": ["standard_error"], "level": "WARNING"},
            "loggers": {
                "app": {"level": "INFO"},
                "models": {"level": "INFO"},
                "uvicorn": {"level": "INFO", "handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )


def without_passwords(text: str) -> str:
    """The text, with `***` for passwords of URLs in it: messages of drivers may repeat what they were given."""
    return _PASSWORD_IN_URL.sub(r"\1:***@", text)


class _Context(logging.Filter):
    """Adds what is known of the request: its id, and its trace if it is traced."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if (current := request_id.current.get()) is not None:
            record.request_id = current
        if (span := trace.get_current_span().get_span_context()).is_valid:
            record.trace_id = trace.format_trace_id(span.trace_id)
        return True


class _JsonFormatter(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_passwords(super().format(record))


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = without_passwords(super().format(record))
        known = record.__dict__.get("request_id")
        return text if known is None else f"{text} [{known}]"


def _json_formatter() -> logging.Formatter:
    return _JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        reserved_attrs=[*RESERVED_ATTRS, "color_message"],  # uvicorn's, for terminals
        timestamp="time",
    )


def _text_formatter() -> logging.Formatter:
    return _TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")

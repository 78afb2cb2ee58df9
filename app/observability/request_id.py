"""The id of the request in whose course something happens."""

import re
from contextvars import ContextVar
from secrets import token_hex

_VALID = re.compile(rb"[A-Za-z0-9._:=+-]{1,128}")

current: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None outside of requests, and in work that several of them share."""


def accepted(given: bytes | None) -> str:
    """The id that a client or a proxy has given, if it can stand in a log line and a header; else a new one."""
    if given is not None and _VALID.fullmatch(given):
        return given.decode("ascii")
    return token_hex(16)

"""Ids in paths: any id, percent-encoded.

Servers decode a path before the application sees it, and `a%2Fb` becomes two segments. The middleware here restores
the difference, and `PathId` decodes the rest.
"""

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.schemas import EntityId

_KEPT = re.compile(r"%(?=2F|3A|25)", re.IGNORECASE)
"""The percent sign of an encoded slash, colon or percent sign: characters with a meaning in the paths of routes."""

PathId = Annotated[EntityId, BeforeValidator(unquote)]
"""The id of a user, an item or another resource in a path."""


class EncodedPaths:
    """Routes requests by the path as it was sent, where encoded slashes and colons belong to ids.

    Other characters are decoded, so that routes and files are found however a client encodes them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. The scope is changed in place, because middlewares around this one read the route."""
        if scope["type"] == "http" and scope.get("raw_path") is not None:
            scope["path"] = unquote(_KEPT.sub("%25", scope["raw_path"].decode("latin-1")))
        await self._app(scope, receive, send)

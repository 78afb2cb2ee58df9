"""A start that fails through a user's mistake is one sentence in the log, without a traceback."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StartFailure:
    """Replaces the traceback of a failed start by the sentence about the error, if it is a user's mistake.

    Starlette puts the traceback into its message to the server, which logs it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the application's life; requests pass through."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_sentence(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and (error := sys.exception()):
                from app.expected_errors import sentence_about  # noqa: PLC0415 - it imports what a server does not need

                message["message"] = sentence_about(error) or message["message"]
            await send(message)

        await self._app(scope, receive, send_sentence)

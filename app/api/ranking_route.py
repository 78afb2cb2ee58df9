"""What all routes have in common that compute rankings."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.services.container import Services

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

CLIENT_CLOSED_REQUEST = 499  # as nginx calls it; nobody is left to read the status


class RankingRoute(APIRoute):
    """A route whose requests are refused when there are too many, and dropped when their client goes away."""

    def get_route_handler(self) -> Handler:
        """The handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_while_wanted(request: Request) -> Response:
            services: Services = request.app.state.services
            with services.admission.place():
                return await _while_connected(request, handle)

        return handle_while_wanted


async def _while_connected(request: Request, handle: Handler) -> Response:
    """The answer to a request; its handling is cancelled if the client closes the connection first."""
    await request.body()  # which Starlette keeps for the handler: all that can be received from now on is the end
    handling: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]  # every coroutine has its task
    gone = False

    async def watch() -> None:
        nonlocal gone
        while not gone:
            gone = (await request.receive())["type"] == "http.disconnect"
        handling.cancel()

    watching = asyncio.create_task(watch())
    try:
        return await handle(request)
    except asyncio.CancelledError:
        if not gone:
            raise
        handling.uncancel()
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        watching.cancel()

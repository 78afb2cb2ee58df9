"""The class of routes that compute rankings."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.services.container import Services

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

CLIENT_CLOSED_REQUEST = 499  # nginx's code; no client is left to read it


class RankingRoute(APIRoute):
    """A route that refuses requests when there are too many, and cancels them when their client disconnects."""

    def get_route_handler(self) -> Handler:
        """The handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_while_wanted(request: Request) -> Response:
            services: Services = request.app.state.services
            with services.admission.place():
                return await _while_connected(request, handle)

        return handle_while_wanted


async def _while_connected(request: Request, handle: Handler) -> Response:
    """Handle a request, and cancel that if the client closes the connection first."""
    await request.body()  # Starlette keeps it for the handler; only the disconnect can be received after it
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

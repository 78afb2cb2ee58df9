"""The classes of routes that compute rankings."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Message, Receive, Scope, Send

from app.services.container import Services

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

CLIENT_CLOSED_REQUEST = 499  # nginx's code; no client is left to read it


class RankingRoute(APIRoute):
    """A route that refuses requests when there are too many, and cancels them when their client disconnects."""

    def get_route_handler(self) -> Handler:
        """The handler that FastAPI calls."""
        return _while_wanted(super().get_route_handler())


class BodyRankingRoute(RankingRoute):
    """A POST route whose endpoint takes `body`, `services` and `response`, and nothing else of the request.

    For each request, FastAPI makes Python objects of the body before it validates them, and resolves all dependencies
    one by one. That takes as long as ranking. So a request that is as it should be, without a query and with a valid
    body, is answered here in the same steps: authorised, validated from the bytes, and handed to the endpoint. All
    others go FastAPI's way, which finds out what is wrong with them.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of APIRoute
        super().__init__(*arguments, **options)
        types = get_type_hints(self.endpoint)
        self._body, self._page = TypeAdapter[Any](types["body"]), TypeAdapter[Any](types["return"])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        is_json = request.headers.get("content-type") == "application/json"
        if scope["method"] != "POST" or scope["query_string"] or not is_json:
            await super().handle(scope, receive, send)
            return
        bytes_of_body = await request.body()
        try:
            body = self._body.validate_json(bytes_of_body)
        except ValidationError:
            await super().handle(scope, _again(bytes_of_body, receive), send)
            return

        async def answer(request: Request) -> Response:
            for dependency in self.dependencies:
                assert dependency.dependency is not None  # noqa: S101 - only one of a parameter may have none
                await dependency.dependency(request)
            response = Response(media_type="application/json")
            page = await self.endpoint(body=body, services=request.app.state.services, response=response)
            response.body = self._page.dump_json(page)
            response.headers["Content-Length"] = str(len(response.body))
            return response

        response = await _while_wanted(answer)(request)
        await response(scope, receive, send)


def _while_wanted(handle: Handler) -> Handler:
    """A handler that takes a place among the rankings in progress, and is cancelled if its client disconnects."""

    async def handle_while_wanted(request: Request) -> Response:
        services: Services = request.app.state.services
        with services.admission.place():
            return await _while_connected(request, handle)

    return handle_while_wanted


def _again(body: bytes, receive: Receive) -> Receive:
    """Messages that begin with a body that has been received already."""
    received = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(received, None) or await receive()

    return receive_again


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

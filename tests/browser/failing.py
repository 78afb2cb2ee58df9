"""Routes that fail as networks and proxies do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Route

from tests.browser.conftest import Watched, watching

Failure = Callable[[Route], None]


def html_502(route: Route) -> None:
    """The answer of a proxy whose service is away."""
    route.fulfill(status=502, content_type="text/html", body="<html><h1>502 Bad Gateway</h1></html>")


def empty_502(route: Route) -> None:
    route.fulfill(status=502, body="")


def empty_200(route: Route) -> None:
    route.fulfill(status=200, body="")


def html_200(route: Route) -> None:
    """The answer of a hotel's network that wants its guests to sign in."""
    route.fulfill(status=200, content_type="text/html", body="<html>Welcome</html>")


def no_network(route: Route) -> None:
    route.abort()


def no_answer(_route: Route) -> None:
    """The request stays open for good."""


def busy(status: int, retry_after: str) -> Failure:
    """The answer of a busy service."""

    def fail(route: Route) -> None:
        route.fulfill(status=status, headers={"Retry-After": retry_after}, json={"detail": "Busy.", "type": "urn:busy"})

    return fail


def answer_lost(route: Route) -> None:
    """The service gets the request, and its answer is lost."""
    route.fetch()
    route.abort()


@dataclass
class Fails:
    """A handler that fails some requests of a method, the first ones, and lets all others pass.

    Attributes:
        failure: How they fail.
        times: How many fail; None for all.
        method: The method of the requests that fail.
        containing: Only requests with this text in their body fail.
        failed: How many have failed.
    """

    failure: Failure
    times: int | None = None
    method: str = "GET"
    containing: str = ""
    failed: int = field(default=0, init=False)

    def __call__(self, route: Route) -> None:
        request = route.request
        concerned = request.method == self.method and self.containing in (request.post_data or "")
        if not concerned or self.failed == self.times:
            route.fallback()
        else:
            self.failed += 1
            self.failure(route)


@contextmanager
def watching_failures(browser: Browser, address: str) -> Iterator[Watched]:
    """The page of a new visitor. Failed requests are expected in the console, and nothing else."""
    with watching(browser, address) as watched:
        watched.expects_failures = True
        yield watched

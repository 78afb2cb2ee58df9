"""Who may do what: every route names the scope that its caller's key needs, READ, WRITE or ADMIN.

A test compares what the routes of the OpenAPI document name with a list of its own, so no route can be forgotten.
"""

from urllib.parse import urlsplit

from fastapi import Security
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader

from app.services.container import Services
from app.storage.tables import KeyScope

KEY_COOKIE = "coldstart_key"
"""What a browser sends that has signed in on the pages."""

_SAFE_METHODS = {"GET", "HEAD"}


class RequiredScope(APIKeyHeader):
    """A dependency that lets a request pass if its key is of this scope, or if no keys are required.

    Raises:
        MissingKeyError: If there is no key, where one is required.
        InvalidKeyError: If the key does not exist or was revoked.
        KeyScopeError: If the key's scope does not include this one.
        RateLimitedError: If its caller has made too many requests.
    """

    def __init__(self, scope: KeyScope) -> None:
        super().__init__(
            name="X-API-Key",
            scheme_name="API key",
            description="Needed unless the service allows anonymous requests. A key of scope `write` may `read`, too; "
            "one of scope `admin` may do everything.",
        )
        self.scope = scope

    async def __call__(self, request: HTTPConnection) -> None:
        """Let the request pass, or raise."""
        services: Services = request.app.state.services
        caller = None
        if services.api_keys.required:
            key = request.headers.get("x-api-key") or _key_in_cookie(request)
            caller = await services.api_keys.authorise(key, self.scope)
        if services.rate_limit is not None:
            await services.rate_limit.count(f"key {caller.name}" if caller else f"address {_address(request)}")


def _key_in_cookie(request: HTTPConnection) -> str | None:
    """The key of a browser that has signed in.

    A browser sends cookies with what other sites make it send too. `SameSite=Strict` keeps back those of other sites,
    but not of other ports and sibling domains: for a change, the page must therefore be one of this very origin.
    """
    headers = request.headers
    if request.scope["method"] in _SAFE_METHODS or urlsplit(headers.get("origin", "")).netloc == headers.get("host"):
        return request.cookies.get(KEY_COOKIE)
    return None


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client else "unknown"


READ = Security(RequiredScope(KeyScope.READ), scopes=[KeyScope.READ])
WRITE = Security(RequiredScope(KeyScope.WRITE), scopes=[KeyScope.WRITE])
ADMIN = Security(RequiredScope(KeyScope.ADMIN), scopes=[KeyScope.ADMIN])

"""Errors that a client is told about. Each has a status and a stable code.

`app.api.problems` turns these errors into RFC 9457 problem responses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar


@dataclass(frozen=True)
class FieldError:
    """Which field of a request is wrong, such as `ratings.2.rating`, and why."""

    field: str
    reason: str


class ServiceError(Exception):
    """Base of all errors that a client is told about.

    Attributes:
        status: The HTTP status of the answer.
        code: Names the kind of error. Clients rely on it, so it never changes.
        title: The kind of error in words, the same for every occurrence.
        retry_after_seconds: After how many seconds to try again, if known.
        detail: What happened this time.
        errors: The wrong fields, if the request is at fault.
    """

    status: ClassVar[HTTPStatus]
    code: ClassVar[str]
    title: ClassVar[str]
    retry_after_seconds: int | None = None

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)


class InvalidRequestError(ServiceError):
    """The request contradicts the API or the model's schema."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-request"
    title = "The request is not valid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0].field}: {errors[0].reason}{more}", errors)


class BodyTooLargeError(ServiceError):
    """The request's body is longer than the service accepts."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body-too-large"
    title = "The request body is too large"


class UnsupportedMediaTypeError(ServiceError):
    """The request's body has another media type than the route reads."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported-media-type"
    title = "The request body has another media type"

    def __init__(self, given: str | None, *, expected: Sequence[str]) -> None:
        sent = "no Content-Type" if given is None else f"the Content-Type {given!r}"
        super().__init__(f"The body was sent with {sent}; send it with Content-Type: {' or '.join(expected)}.")


class MissingKeyError(ServiceError):
    """The request has no API key and needs one."""

    status = HTTPStatus.UNAUTHORIZED
    code = "missing-key"
    title = "An API key is needed"

    def __init__(self) -> None:
        super().__init__("Send an API key in the header X-API-Key.")


class InvalidKeyError(ServiceError):
    """The request's API key does not exist or was revoked. The answer does not say which."""

    status = HTTPStatus.UNAUTHORIZED
    code = "invalid-key"
    title = "The API key is not valid"

    def __init__(self) -> None:
        super().__init__("There is no such API key, or it was revoked.")


class KeyScopeError(ServiceError):
    """The API key's scope does not include what the request asks for."""

    status = HTTPStatus.FORBIDDEN
    code = "key-scope"
    title = "The API key may not do this"

    def __init__(self, *, has: str, needs: str) -> None:
        super().__init__(f"This needs a key of scope {needs}; the key's scope is {has}.")


class HostNotAllowedError(ServiceError):
    """The request names a host that the service does not answer for."""

    status = HTTPStatus.FORBIDDEN
    code = "host-not-allowed"
    title = "The service does not answer for this host"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Without API keys the service answers only for loopback addresses, not for {host!r}. Add the host to "
            "COLDSTART_ALLOWED_HOSTS, or require keys (COLDSTART_ALLOW_ANONYMOUS=false)."
        )


class ForeignOriginError(ServiceError):
    """A page of another site caused the request in a browser."""

    status = HTTPStatus.FORBIDDEN
    code = "foreign-origin"
    title = "Pages of other sites may not change anything"

    def __init__(self) -> None:
        super().__init__(
            "The request comes from a page of another origin. Send an API key in the header X-API-Key, or add the "
            "origin to COLDSTART_CORS_ORIGINS. Nothing was stored."
        )


class RateLimitedError(ServiceError):
    """The caller has made too many requests."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate-limited"
    title = "Too many requests"
    retry_after_seconds = 1

    def __init__(self, limit: str, *, retry_after_seconds: int) -> None:
        super().__init__(f"The limit is {limit}; try again later. Nothing was stored.")
        self.retry_after_seconds = max(retry_after_seconds, 1)


class UserNotFoundError(ServiceError):
    """There is no such user."""

    status = HTTPStatus.NOT_FOUND
    code = "user-not-found"
    title = "There is no such user"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no user {user_id!r}.")


class RatingNotFoundError(ServiceError):
    """The user has not rated the item."""

    status = HTTPStatus.NOT_FOUND
    code = "rating-not-found"
    title = "There is no such rating"

    def __init__(self, user_id: str, item_id: str) -> None:
        super().__init__(f"User {user_id!r} has no rating of item {item_id!r}.")


class SkipNotFoundError(ServiceError):
    """The user has not skipped the item."""

    status = HTTPStatus.NOT_FOUND
    code = "skip-not-found"
    title = "There is no such skip"

    def __init__(self, user_id: str, item_id: str) -> None:
        super().__init__(f"User {user_id!r} has no skip of item {item_id!r}.")


class AnswerNotFoundError(ServiceError):
    """The user has not answered the question."""

    status = HTTPStatus.NOT_FOUND
    code = "answer-not-found"
    title = "There is no such answer"

    def __init__(self, user_id: str, question_id: str) -> None:
        super().__init__(f"User {user_id!r} has no answer to the question {question_id!r}.")


class ScenarioNotFoundError(ServiceError):
    """There is no scenario of this name."""

    status = HTTPStatus.NOT_FOUND
    code = "scenario-not-found"
    title = "There is no such scenario"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no scenario {name!r}.")


class InteractionNotFoundError(ServiceError):
    """The user has no interaction with this event id."""

    status = HTTPStatus.NOT_FOUND
    code = "interaction-not-found"
    title = "There is no such interaction"

    def __init__(self, user_id: str, event_id: str) -> None:
        super().__init__(f"User {user_id!r} has no interaction {event_id!r}.")


class ItemNotFoundError(ServiceError):
    """The item is not in the catalogue."""

    status = HTTPStatus.NOT_FOUND
    code = "item-not-found"
    title = "There is no such item"

    def __init__(self, item_id: str) -> None:
        super().__init__(f"There is no item {item_id!r} in the catalogue.")


class ModelVersionNotFoundError(ServiceError):
    """The model version was never registered."""

    status = HTTPStatus.NOT_FOUND
    code = "model-version-not-found"
    title = "There is no such model version"

    def __init__(self, version_id: str) -> None:
        super().__init__(f"There is no model version {version_id!r}.")


class ArtifactUnusableError(ServiceError):
    """A registered model version cannot be loaded from its directory."""

    status = HTTPStatus.CONFLICT
    code = "artifact-unusable"
    title = "The model version cannot be loaded"


class SchemaMismatchError(ServiceError):
    """A model version's schema does not fit that of the active version."""

    status = HTTPStatus.CONFLICT
    code = "schema-mismatch"
    title = "The model version has another schema than the active one"

    def __init__(self, version_id: str, errors: Sequence[FieldError]) -> None:
        first = f"{errors[0].field} {errors[0].reason}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(
            f"{version_id}: {first}{more}. Stored data and clients' requests would not fit. Allow a schema change "
            "when you activate it, or serve it from a separate database.",
            errors,
        )


class ChallengerIsActiveError(ServiceError):
    """The active version cannot be its own challenger."""

    status = HTTPStatus.CONFLICT
    code = "challenger-is-active"
    title = "The model version is the active one"

    def __init__(self, version_id: str) -> None:
        super().__init__(f"{version_id} is the active version, so it cannot be its own challenger.")


class NoActiveModelError(ServiceError):
    """No model version is active, or the active one cannot be loaded.

    Args:
        failure: Why the active version cannot be loaded; None if no version is active.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "no-active-model"
    title = "No model is being served"

    def __init__(self, failure: str | None = None) -> None:
        if failure is None:
            super().__init__("No model version is active. Start the service with a model, or activate a version.")
        else:
            super().__init__(f"The active model version cannot serve: {failure}.")


class OverloadedError(ServiceError):
    """Too many requests are in progress."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    title = "The service is overloaded"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("Too many requests are in progress; try again in a moment. Nothing was stored.")


class DatabaseUnavailableError(ServiceError):
    """The database cannot be reached or used."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "database-unavailable"
    title = "The database is not available"

    def __init__(self) -> None:
        super().__init__("The database does not answer; try again later.")

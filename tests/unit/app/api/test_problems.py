import json

from app.api.problems import problem_response, problem_responses
from app.errors import FieldError, InvalidRequestError, ItemNotFoundError, UserNotFoundError


def test_problem_response_has_the_members_of_rfc_9457() -> None:
    response = problem_response(InvalidRequestError([FieldError("n", "must be 1"), FieldError("m", "is missing")]))

    assert response.status_code == 422
    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:coldstart:problem:invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "n: must be 1 (and 1 more)",
        "errors": [{"field": "n", "reason": "must be 1"}, {"field": "m", "reason": "is missing"}],
    }


def test_problem_response_with_many_long_names_is_short_and_encodable() -> None:
    response = problem_response(InvalidRequestError([FieldError("\ud800" * 1000, "x" * 1000)] * 1000))

    assert len(response.body) < 70_000
    assert len(json.loads(bytes(response.body))["errors"]) == 50


def test_problem_responses_combine_errors_of_the_same_status() -> None:
    responses = problem_responses(UserNotFoundError, ItemNotFoundError, InvalidRequestError)

    assert {int(status) for status in responses} == {404, 422} | {401, 403, 429, 503}
    assert responses[404]["description"] == "There is no such user; There is no such item"

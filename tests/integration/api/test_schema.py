import httpx
import pytest

from app.settings import Settings


def field(name: str, kind: str, *, filterable: bool) -> dict[str, object]:
    return {"name": name, "kind": kind, "dimensions": None, "filterable": filterable}


class TestGetSchema:
    async def test_get_schema_lists_fields_and_rating_scale(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/schema")

        assert answer.status_code == 200
        body = answer.json()
        assert body.pop("model_version").startswith("tiny-")
        assert body == {
            "data": "two-tastes",
            "rating_scale": {"minimum": 1.0, "maximum": 5.0, "continuous": False, "step": 1.0, "liked_from": 4.0},
            "users": {
                "fields": [
                    field("country", "categorical", filterable=True),
                    field("age", "continuous", filterable=True),
                ],
                "date": None,
            },
            "items": {
                "fields": [
                    field("genre", "multi_valued", filterable=True),
                    field("year", "continuous", filterable=True),
                ],
                "date": "year",
            },
            "interaction_kinds": {
                "view": 0.2,
                "click": 0.3,
                "basket": 0.6,
                "purchase": 1.0,
                "like": 1.0,
                "dislike": -1.0,
            },
        }


class TestWithoutModel:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_dir": None})

    async def test_get_schema_without_a_model_is_unavailable(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/schema")

        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:coldstart:problem:no-active-model"

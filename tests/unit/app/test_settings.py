from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"COLDSTART_{name.upper()}", raising=False)


def test_settings_by_default_embed_database_and_worker() -> None:
    settings = Settings()

    assert settings.database_url.get_secret_value() == "sqlite+aiosqlite:///.coldstart/coldstart.db"
    assert settings.redis_url is None
    assert settings.run_worker


def test_settings_with_a_state_directory_put_the_database_there(tmp_path: Path) -> None:
    assert str(tmp_path) in Settings(state_dir=tmp_path).database_url.get_secret_value()


def test_settings_with_redis_run_no_embedded_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_REDIS_URL", "redis://host")
    assert not Settings().run_worker

    monkeypatch.setenv("COLDSTART_RUN_WORKER", "true")
    assert Settings().run_worker


@pytest.mark.parametrize(
    ("host", "anonymous"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "")],  # noqa: S104
)
def test_settings_with_a_public_host_require_keys(host: str, anonymous: bool) -> None:
    assert Settings(host=host).allow_anonymous is anonymous
    assert Settings(host=host, allow_anonymous=not anonymous).allow_anonymous is not anonymous


def test_settings_shown_as_text_hide_passwords() -> None:
    settings = Settings(database_url="postgresql://u:hunter2@host/x", redis_url="redis://:hunter2@host")

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_settings_error_does_not_repeat_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_PORT", "hunter2")

    with pytest.raises(ValidationError, match="port") as error:
        Settings()

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("host", ["shop.example", "Shop.Example", "10.0.0.1", "::1", "intranet"])
def test_allowed_host_is_a_name_or_an_address(host: str) -> None:
    assert Settings(allowed_hosts=(host,)).allowed_hosts == (host.lower(),)


@pytest.mark.parametrize("host", ["https://shop.example", "shop.example:80", "shop.example/x", "", "*", "[::1", "a b"])
def test_allowed_host_of_another_form_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="must be a host name such as"):
        Settings(allowed_hosts=(host,))


def test_events_as_interactions_are_read_as_json_and_only_of_known_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_EVENTS_AS_INTERACTIONS", '{"clicked": "click"}')
    assert Settings().events_as_interactions == {"clicked": "click"}

    monkeypatch.setenv("COLDSTART_EVENTS_AS_INTERACTIONS", '{"bought": "purchase"}')
    with pytest.raises(ValidationError, match="'shown' or 'clicked'"):
        Settings()

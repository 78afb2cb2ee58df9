import pytest
import typer

from app.cli import engine
from app.cli.engine import Engine, connected


def test_local_engine_has_no_cluster() -> None:
    with connected(Engine.LOCAL, None) as is_cluster:
        assert not is_cluster


def test_address_without_ray_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="needs --engine ray"), connected(Engine.LOCAL, "10.0.0.1:6379"):
        pytest.fail("it was accepted")


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    with pytest.raises(typer.BadParameter, match=r"coldstart-recommender\[ray\]"), connected(Engine.RAY, None):
        pytest.fail("it was accepted")

"""No container engine runs the tests, so at least what the container files name must exist."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli.main import app
from app.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OWN_SERVICES = [name for name, service in COMPOSE["services"].items() if service.get("build") == "."]


def is_command(*words: str) -> bool:
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def settings_of(environment: dict[str, str]) -> set[str]:
    return {name.removeprefix("COLDSTART_").lower() for name in environment if name.startswith("COLDSTART_")}


def test_dockerfile_copies_what_exists() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_dockerfile_copies_every_package() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for package in pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}" in DOCKERFILE


def test_dockerfile_does_not_run_as_root_and_checks_health() -> None:
    assert re.search(r"^USER (?!root)\w+", DOCKERFILE, re.MULTILINE)
    assert "/health/ready" in DOCKERFILE
    assert is_command(*re.findall(r'^CMD \["(\w+)"\]', DOCKERFILE, re.MULTILINE))


def test_dockerfile_and_compose_set_settings_that_exist() -> None:
    in_dockerfile = dict.fromkeys(re.findall(r"COLDSTART_\w+", DOCKERFILE), "")
    assert settings_of(in_dockerfile) <= set(Settings.model_fields)
    for name in OWN_SERVICES:
        assert settings_of(COMPOSE["services"][name]["environment"]) <= set(Settings.model_fields)


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_compose_runs_commands_that_exist(name: str) -> None:
    assert is_command(COMPOSE["services"][name]["command"][0])


def test_compose_depends_on_and_mounts_what_it_defines() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(("$", ".")) or source in COMPOSE["volumes"]


def test_compose_has_the_whole_deployment() -> None:
    assert {"api", "worker", "migrate", "postgres", "redis"} <= set(COMPOSE["services"])

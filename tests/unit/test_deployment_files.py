"""The container files, without a container engine: what they name exists, and Compose accepts its files."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
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
BUILT_SERVICES = [name for name, service in COMPOSE["services"].items() if service.get("build") == "."]
RUN_ONCE = {"migrate", "train"}
SECRETS = {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}
INSTRUCTIONS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()
    if line
]
FINAL_STAGE = INSTRUCTIONS[max(place for place, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def is_command(*words: str) -> bool:
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def settings_of(environment: dict[str, str]) -> set[str]:
    return {name.removeprefix("COLDSTART_").lower() for name in environment if name.startswith("COLDSTART_")}


def test_dockerfile_copies_only_files_that_exist() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in IGNORED


def test_dockerfile_copies_every_package() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for package in pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}" in DOCKERFILE


def test_docker_build_context_holds_only_copied_files() -> None:
    patterns = [line for line in IGNORED if line and not line.startswith("#")]
    assert patterns[0] == "*"
    named = {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")}
    assert named == {source for word, rest in INSTRUCTIONS if word == "COPY" for source in rest.split()[:-1]} - {
        "--from=build",
        "/opt/coldstart",
    }
    assert "**/.env*" in patterns


def test_image_layers_hold_no_secret() -> None:
    assert [rest.split("=")[0] for word, rest in INSTRUCTIONS if word == "ARG"] == ["TORCH_INDEX", "EXTRAS"]
    assert not any("TORCH_INDEX" in rest for word, rest in FINAL_STAGE)  # the URL of an index may contain a password
    set_in_image = {
        assignment.split("=")[0] for word, rest in INSTRUCTIONS if word == "ENV" for assignment in rest.split()
    }
    assert set_in_image == {
        "PATH",
        "PYTHONUNBUFFERED",
        "COLDSTART_HOST",
        "COLDSTART_STATE_DIR",
        "MALLOC_ARENA_MAX",
    }
    assert not any(word == "ADD" for word, _ in INSTRUCTIONS)


def test_image_has_only_the_installed_environment() -> None:
    assert [rest for word, rest in INSTRUCTIONS if word == "FROM"] == [
        "python:3.13-slim AS build",
        "python:3.13-slim",
    ]
    assert [rest for word, rest in FINAL_STAGE if word == "COPY"] == ["--from=build /opt/coldstart /opt/coldstart"]


def test_image_has_the_pinned_torch_for_cpus() -> None:
    (torch,) = (rest for word, rest in INSTRUCTIONS if word == "RUN" and "TORCH_INDEX" in rest)
    assert "$(grep '^torch==' requirements.lock)" in torch
    assert ("ARG", "TORCH_INDEX=https://download.pytorch.org/whl/cpu") in INSTRUCTIONS
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert len(re.findall(r"^torch==", lock, re.MULTILINE)) == 1


def test_locks_divide_what_serving_needs_from_what_development_needs() -> None:
    def pinned(lock: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))

    def named(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime, development = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert not runtime & development
    assert named([*project["dependencies"], *extras["otel"]]) <= runtime
    assert named([*extras["dev"], *extras["bench"], *extras["text"]]) <= runtime | development
    assert not {"pytest", "mypy", "locust", "playwright"} & runtime


def test_image_runs_without_root_under_an_init_and_checks_health() -> None:
    final = dict(FINAL_STAGE)
    assert int(final["USER"]) > 0  # a number, because Kubernetes cannot tell from a name that the user is not root
    assert f"--uid {final['USER']} " in final["RUN"]
    assert "/health/ready" in final["HEALTHCHECK"]
    assert final["ENTRYPOINT"] == '["tini", "--", "coldstart"]'
    assert final["STOPSIGNAL"] == "SIGTERM"
    assert final["VOLUME"] == '["/models"]'
    assert is_command(*yaml.safe_load(final["CMD"]))


def test_dockerfile_and_compose_set_only_settings_that_exist() -> None:
    in_dockerfile = dict.fromkeys(re.findall(r"COLDSTART_\w+", DOCKERFILE), "")
    assert settings_of(in_dockerfile) <= set(Settings.model_fields)
    for name in BUILT_SERVICES:
        assert settings_of(COMPOSE["services"][name]["environment"]) <= set(Settings.model_fields)


def commands_of(service: dict[str, Any]) -> list[list[str]]:
    """The coldstart commands that a service runs."""
    if "entrypoint" not in service:
        return [service["command"][:1]]
    script: str = service["command"][0]
    return [words.split() for words in re.findall(r"coldstart ((?:model )?[a-z]+)", script)]


@pytest.mark.parametrize("name", BUILT_SERVICES)
def test_compose_service_runs_commands_that_exist(name: str) -> None:
    commands = commands_of(COMPOSE["services"][name])
    assert commands
    assert all(is_command(*words) for words in commands)


def test_compose_services_refer_only_to_defined_parts() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists()
            else:
                assert source.startswith("$") or source in COMPOSE["volumes"]


def test_compose_has_all_services_of_the_deployment() -> None:
    assert {"proxy", "api", "worker", "migrate", "postgres", "redis"} <= set(COMPOSE["services"])
    assert COMPOSE["services"]["api"]["deploy"]["replicas"] > 1


def test_compose_long_running_services_have_health_checks_and_restart() -> None:
    for name, service in COMPOSE["services"].items():
        if name in RUN_ONCE:
            assert service["restart"] == "no"
            continue
        assert service["restart"] == "unless-stopped"
        # The API's image has its own health check; a worker has no port that could be checked.
        assert "test" in service.get("healthcheck", {}) or name in {"api", "worker"}, name


def test_compose_services_start_after_the_migration() -> None:
    for name in set(BUILT_SERVICES) - {"migrate"}:
        after = COMPOSE["services"][name]["depends_on"]
        assert after["migrate"] == {"condition": "service_completed_successfully"}
    assert COMPOSE["services"]["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_compose_publishes_ports_only_on_localhost() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(published) == {"proxy", "prometheus", "grafana"}
    assert all(
        ":-127.0.0.1:" in port or port.startswith("127.0.0.1:") for ports in published.values() for port in ports
    )
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert COMPOSE["services"]["postgres"]["networks"] == COMPOSE["services"]["redis"]["networks"] == ["data"]


@pytest.mark.parametrize("name", BUILT_SERVICES)
def test_compose_service_has_no_unneeded_privileges(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_compose_by_default_requires_keys() -> None:
    given = COMPOSE["services"]["api"]["environment"]["COLDSTART_ALLOW_ANONYMOUS"]
    assert given == "${COLDSTART_ALLOW_ANONYMOUS:-false}"


def test_compose_takes_every_secret_from_the_environment() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in SECRETS:
        uses = re.findall(rf"\$\{{?{name}[^}}]*", text)
        assert uses
        assert all(use.startswith(f"${{{name}:?") for use in uses)
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", name):
                assert value.startswith("${"), name


@pytest.fixture(scope="session")
def compose_command() -> list[str]:
    """The command of Compose, as a program or as a plugin of Docker; it checks files without an engine."""
    if (compose := shutil.which("docker-compose")) is not None:
        return [compose]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1":
        pytest.fail("Docker Compose is not installed")
    pytest.skip("Docker Compose is not installed")


@pytest.fixture
def compose(compose_command: list[str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Compose in the repository; of the secrets, only the given variables are set."""
    (tmp_path / "no.env").touch()
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*compose_command, "--env-file", str(tmp_path / "no.env"), *arguments],
            cwd=ROOT,
            env=inherited | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_compose_command_accepts_the_files(compose: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    passwords = dict.fromkeys(SECRETS, "chosen")
    tls = ["--file", "docker-compose.yml", "--file", "deploy/caddy/compose.tls.yml"]

    for files, variables in ([], passwords), (tls, passwords | {"COLDSTART_SITE": "shop.example"}):
        done = compose(*files, "config", "--quiet", **variables)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_compose_command_without_a_secret_is_refused(
    compose: Callable[..., subprocess.CompletedProcess[str]], missing: str
) -> None:
    done = compose("config", "--quiet", **dict.fromkeys(SECRETS - {missing}, "chosen"))

    assert done.returncode != 0
    assert "run make secrets" in done.stderr


def test_make_secrets_writes_private_secrets_once(tmp_path: Path) -> None:
    make = ["make", "--silent", "--file", str(ROOT / "Makefile"), "secrets"]
    subprocess.run(make, cwd=tmp_path, check=True)
    written = (tmp_path / ".env").read_text(encoding="utf-8")
    subprocess.run(make, cwd=tmp_path, check=True)

    # Unchanged, because the database was created with the first password.
    assert (tmp_path / ".env").read_text(encoding="utf-8") == written
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    values = dict(line.split("=", 1) for line in written.splitlines())
    assert set(values) == SECRETS
    assert all(len(value) >= 32 for value in values.values())
    assert len(set(values.values())) == len(values)

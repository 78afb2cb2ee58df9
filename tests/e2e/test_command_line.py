"""The commands as a user runs them, on a small CSV data set with a schema.toml."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.cli.completion import complete_key, complete_model_version
from app.services.model_traffic import traffic_position
from tests.e2e.commands import Coldstart
from tests.integration.running import forked, free_port, is_ready
from tests.waiting import until

TINY_PRESET = """
[learner]
kind = "melu"
steps = 2
rate = 0.05
prior_ratings = 1.0

[choice]
dimensions = 8
hidden = 16
user_hidden = 8
batch_users = 32
updates = 60
updates_per_round = 30

[training]
epochs = 4
patience = 4
batch_users = 8
learning_rate = 5e-3
"""


def environment(state: Path) -> dict[str, str]:
    left_out = ("COLDSTART_", "COLUMNS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**inherited, "COLDSTART_STATE_DIR": str(state), "OMP_NUM_THREADS": "1"}


@contextmanager
def serving(*arguments: str | Path, state: Path, **variables: str) -> Iterator[httpx.Client]:
    """A client of `coldstart serve`. Its process is forked from one that has imported the service, which saves time."""
    port = free_port()
    command = ["coldstart", "serve", "--port", str(port), *map(str, arguments)]
    code = f"import sys; sys.argv = {command!r}; from app.cli.main import main; main()"
    with (
        forked(environment(state) | variables, code) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: is_ready(f"http://127.0.0.1:{port}") or not process.is_alive())
        assert process.is_alive(), "the server has ended"
        yield client
        process.terminate()
        process.join()


@pytest.fixture(scope="module")
def trained(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact trained by the command line."""
    directory = tmp_path_factory.mktemp("command-line")
    preset = directory / "quick.toml"
    preset.write_text(TINY_PRESET, encoding="utf-8")
    output = directory / "model"
    command = ["train", "--data", dataset_dir, "--preset", preset, "--out", output]
    run = subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(directory),
    )
    assert run.returncode == 0, run.stderr
    assert "trained on 2,400 ratings of 120 users and 40 items" in run.stdout
    assert re.search(r"research twin quick-\w+: trained on .* of 91 users and 32 items, .*; validation MAE", run.stdout)
    assert run.stdout.endswith(f"\nnext: coldstart serve --model {output}\n")
    assert run.stderr.startswith(f"reading {dataset_dir}\n")
    assert "\nresearch model\nepoch 1 of 4   loss" in run.stderr
    assert "\nchoices of the served model\nepoch 1 of " in run.stderr
    return output


@pytest.fixture(scope="module")
def client(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that serves the trained artifact."""
    with serving("--model", trained, state=tmp_path_factory.mktemp("server")) as client:
        yield client


def test_evaluate_writes_report_and_predictions_that_agree(
    coldstart: Coldstart, trained: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    report_file, predictions_file = tmp_path / "report.json", tmp_path / "predictions.csv"
    run = coldstart(
        "evaluate", "--model", trained, "--data", dataset_dir, "--states", "warm,user_cold",
        "--json", report_file, "--predictions", predictions_file,
    )  # fmt: skip
    assert run.code == 0, run.err

    report = json.loads(report_file.read_text(encoding="utf-8"))
    manifest = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))
    assert report["model_version"] == manifest["research_twin"]["version"]
    assert f"{report['twin_of']} was trained on all ratings." in " ".join(run.out.split())
    with predictions_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["state", "user_id", "item_id", "rating", "predicted", "predicted_median", "score"]
    assert list(rows[0]) == columns
    for state in report["states"]:
        of_state = [row for row in rows if row["state"] == state["state"]]
        assert len(of_state) == state["query_ratings"] > 0
        errors: dict[str, list[float]] = {}
        for row in of_state:
            errors.setdefault(row["user_id"], []).append(abs(float(row["rating"]) - float(row["predicted_median"])))
        mae = sum(sum(values) / len(values) for values in errors.values()) / len(errors)
        assert mae == pytest.approx(state["predictors"][0]["measures"]["mae"]["value"], abs=1e-6)
    for title, table in (("whole catalogue", "catalogue"), ("new items alone", "new_items")):
        _, _, shown = run.out.partition(f"lists of {'the ' * (table == 'catalogue')}{title}")
        for contestant in report["lists"][table]["contestants"]:
            (line,) = (line for line in shown.splitlines()[:15] if line.strip().startswith(f"{contestant['name']}  "))
            for cell in contestant["by_size"]:
                assert f"{cell['measures']['list_ndcg@10']['value']:.3f} ±" in line


def test_evaluate_prints_json_in_place_of_tables(coldstart: Coldstart, trained: Path, dataset_dir: Path) -> None:
    run = coldstart("evaluate", "--model", trained, "--data", dataset_dir, "--json", "--states", "warm")
    assert run.code == 0, run.err
    report = json.loads(run.out)
    assert [state["state"] for state in report["states"]] == ["warm"]
    maes = {each["name"]: each["measures"]["mae"]["value"] for each in report["states"][0]["predictors"]}
    means = {each["name"]: each["measures"]["mae_of_mean"]["value"] for each in report["states"][0]["predictors"]}
    assert maes["global mean"] != means["global mean"]  # it is rounded for the first, as the model is


def test_commands_print_what_they_show_as_json(
    coldstart: Coldstart, dataset_dir: Path, model_dir: Path, other_model_dir: Path
) -> None:
    def result(*arguments: str | Path) -> dict[str, object]:
        run = coldstart(*arguments, "--json")
        assert run.code == 0, run.err
        value = json.loads(run.out)
        assert isinstance(value, dict)
        return value

    checked = result("data", "check", "--data", dataset_dir)
    assert (checked["ratings"], checked["users"], checked["items"]) == (2400, 120, 40)
    assert checked["preset"] == "coldstart"
    assert result("import", "items", "--data", dataset_dir) == {"what": "items", "imported": 40, "skipped": 0}
    first = result("init", "--items", dataset_dir / "items.csv", "--out", dataset_dir.parent / "first")
    assert first["items"] == 40

    versions = [str(result("model", "register", model)["version"]) for model in (model_dir, other_model_dir)]
    assert coldstart("model", "activate", versions[0]).code == 0
    listed = result("model", "list")["items"]
    assert isinstance(listed, list)
    assert [(each["version"], each["active"]) for each in listed] == [(versions[1], False), (versions[0], True)]
    assert result("model", "report", versions[0])["shown"] == 0

    key = result("key", "create", "shop", "--scope", "read")
    assert str(key["key"]).startswith("coldstart_")
    (shop,) = result("key", "list")["items"]  # type: ignore[misc]
    assert (shop["name"], shop["scope"], shop["revoked_at"]) == ("shop", "read", None)


def test_listed_ids_are_accepted_by_other_commands_at_any_width(
    coldstart: Coldstart, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = coldstart("model", "register", model_dir).out.strip()
    key = "a-key-with-a-rather-long-name-for-a-narrow-terminal"
    coldstart("key", "create", key, "--scope", "write")
    for width in ("60", "80", "200", ""):
        monkeypatch.setenv("COLUMNS", width)
        words = coldstart("model", "list").out.split()
        assert {version, str(model_dir)} <= set(words)
        assert key in coldstart("key", "list").out.split()
    assert complete_model_version(version[:4]) == [version]
    assert complete_key("a-key") == [key]
    assert coldstart("model", "activate", version).code == 0
    assert coldstart("key", "revoke", key).code == 0


def test_evaluate_by_time_without_times_fails_and_says_why(
    coldstart: Coldstart, trained: Path, dataset_dir: Path
) -> None:
    run = coldstart("evaluate", "--model", trained, "--data", dataset_dir, "--order", "time")
    assert run.code == 2
    assert "the ratings have no times: evaluate them in random order" in run.err


def test_evaluate_with_an_episode_file_uses_its_episodes(
    coldstart: Coldstart, trained: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    episodes = tmp_path / "episodes.jsonl"
    episode = {"state": "user_cold", "user_id": "u1", "support": [["i1", 5], ["i2", 1]], "query": [["i3", 5]]}
    episodes.write_text(json.dumps(episode) + "\n", encoding="utf-8")
    predictions = tmp_path / "predictions.csv"
    arguments = ("evaluate", "--model", trained, "--data", dataset_dir, "--episodes", episodes)
    run = coldstart(*arguments, "--predictions", predictions)
    assert run.code == 0, run.err
    assert predictions.read_text(encoding="utf-8").splitlines()[1].startswith("user_cold,u1,i3,5.0,")

    episodes.write_text(json.dumps(episode) + "\n" + json.dumps({**episode, "user_id": "nobody"}), encoding="utf-8")
    run = coldstart(*arguments)
    assert run.code == 2
    assert "line 2: user_id: 'nobody' is not in the data set" in run.err


def test_served_candidates_have_the_requested_number(client: httpx.Client) -> None:
    assert len(client.get("/v1/candidates", params={"n": 5}).json()["items"]) == 5


def test_served_recommendations_follow_the_ratings(client: httpx.Client) -> None:
    def recommended(user: str, comedy: int, horror: int) -> set[str]:
        ratings = [{"item_id": "i1", "rating": comedy}, {"item_id": "i2", "rating": horror}]
        answer = client.post(f"/v1/users/{user}/ratings", json={"ratings": ratings}, params={"n": 5})
        assert answer.status_code == 200, answer.text
        return {item["item_id"] for item in answer.json()["recommendations"]["items"]}

    # Films with odd numbers are comedies, the others horror (tests/conftest.py).
    assert all(int(item_id[1:]) % 2 == 1 for item_id in recommended("merry", comedy=5, horror=1))
    assert all(int(item_id[1:]) % 2 == 0 for item_id in recommended("gloomy", comedy=1, horror=5))


def test_evaluation_job_runs_in_the_server_process(client: httpx.Client) -> None:
    accepted = client.post("/v1/evaluations", json={"states": ["user_cold"]})
    assert accepted.status_code == 202
    for _ in range(300):
        job = client.get(accepted.headers["location"]).json()
        if job["status"] not in {"queued", "running"}:
            break
        time.sleep(0.1)
    assert job["status"] == "succeeded"
    assert job["progress"] == 1.0
    measures = job["report"]["states"][0]["predictors"][0]["measures"]
    assert 0 < measures["mae"]["value"] < 4
    assert 0 < measures["ndcg@3_exponential"]["value"] <= 1


def test_import_stores_data_that_the_server_uses(
    coldstart: Coldstart, trained: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    for what in ("items", "users", "ratings"):
        run = coldstart("import", what, "--data", dataset_dir)
        assert run.code == 0, run.err
    assert "2,400 ratings" in run.out
    with serving("--model", trained, state=tmp_path) as client:
        assert client.get("/v1/users/u0").json()["rating_count"] == 20
        items = client.get("/v1/users/u0/recommendations").json()["items"]
        assert all(int(item["item_id"][1:]) % 2 == 0 for item in items[:3])


def test_model_register_and_activate_make_the_version_served(
    coldstart: Coldstart, trained: Path, tmp_path: Path
) -> None:
    version = coldstart("model", "register", trained).out.strip()
    assert version.startswith("quick-")
    assert coldstart("model", "activate", version).code == 0
    assert version in coldstart("model", "list").out
    with serving(state=tmp_path) as client:
        assert client.get("/v1/candidates").json()["model_version"] == version


def test_model_challenge_serves_and_reports_a_second_version(
    coldstart: Coldstart, trained: Path, other_model_dir: Path, tmp_path: Path
) -> None:
    active, other = (coldstart("model", "register", model).out.strip() for model in (trained, other_model_dir))
    assert coldstart("model", "activate", active).code == 0
    assert "is the active version" in coldstart("model", "challenge", active, "--percent", "20").err
    assert coldstart("model", "challenge", other, "--percent", "100").code == 2
    assert coldstart("model", "challenge", other, "--percent", "20").code == 0
    assert {"80 %", "20 %"} <= {word for line in coldstart("model", "list").out.splitlines() for word in cells(line)}
    with serving(state=tmp_path) as client:
        assert client.get("/v1/model-traffic").json()["challenger"] == {"version": other, "percent": 20}
        event = {"event_id": "1", "type": "shown", "user_id": "ada", "item_id": "i1", "model_version": other}
        client.post("/v1/events", json={"events": [event]})

        assert coldstart("model", "end-challenge").code == 0
        deadline = time.monotonic() + 60
        while (
            client.get("/v1/candidates", params={"user_id": user_of_challenger(other)}).json()["model_version"] == other
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert "click rate        0.0000 (95 %:" in coldstart("model", "report", other).out
    assert "click rate        -" in coldstart("model", "report", other, "--until", "2026-01-01").out


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")]


def user_of_challenger(challenger: str) -> str:
    """A user who belongs to the 20 % that the challenger serves."""
    return next(user for user in map(str, range(1000)) if traffic_position(user, challenger) < 20)


def collect(client: httpx.Client, users: range) -> None:
    """Add a new comedy, and new users of both tastes who rate it and other films."""
    item = {"title": "New", "attributes": {"genre": ["comedy"]}}
    assert client.put("/v1/items/new", json=item).is_success
    for user in users:
        films = [(f"i{(7 * user + step) % 40}", (7 * user + step) % 2 == 1) for step in range(10)]
        ratings = [
            {"item_id": item_id, "rating": 5 if comedy == (user % 2 == 1) else 1}
            for item_id, comedy in [*films, ("new", True)]
        ]
        answer = client.post(f"/v1/users/new{user}/ratings", json={"ratings": ratings}, params={"n": 1})
        assert answer.is_success, answer.text


def test_train_from_database_makes_and_activates_the_next_version(
    coldstart: Coldstart, trained: Path, dataset_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The setting alone must not add the data set to the training.
    monkeypatch.setenv("COLDSTART_DATA_DIR", str(dataset_dir))
    idle = tmp_path / "idle.toml"
    idle.write_text(TINY_PRESET.replace("5e-3", "1e-6").replace("= 4", "= 1"), encoding="utf-8")
    quick = trained.parent / "quick.toml"
    bad = tmp_path / "bad"
    assert coldstart("train", "--data", dataset_dir, "--preset", idle, "--out", bad, "--research-only").code == 0
    assert json.loads((bad / "manifest.json").read_text(encoding="utf-8"))["research_twin"] is None
    former = coldstart("model", "register", bad).out.strip()
    assert coldstart("model", "activate", former).code == 0

    run = coldstart("train", "--from-database", "--out", tmp_path / "early")
    assert run.code == 2
    assert "0 users have two ratings or more, but training needs 100" in run.err

    with serving(state=tmp_path) as client:
        collect(client, range(130))
        new = tmp_path / "new"
        run = coldstart("train", "--from-database", "--preset", quick, "--out", new, "--activate")
        assert run.code == 0, run.err
        assert f"compared with {former}: The new version is better: MAE " in run.out
        version = run.out.split(": ")[1].split()[0]
        assert run.out.endswith(f"registered and activated\nnext: coldstart model report {version}\n")
        deadline = time.monotonic() + 60
        while client.get("/v1/candidates").json()["model_version"] != version:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    manifest = json.loads((new / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["path"] is None
    assert manifest["data"]["training_users"] == 130
    assert 90 < manifest["research_twin"]["data"]["training_users"] < 110
    assert manifest["data"]["training_items"] == 41
    assert not new.with_name("new.data").exists()

    run = coldstart(
        "train", "--from-database", "--data", dataset_dir, "--preset", idle, "--out", tmp_path / "worse", "--activate"
    )
    assert run.code == 0, run.err
    assert f"compared with {version}: The new version is not shown to be better: MAE " in run.out
    worse = run.out.split(": ")[1].split()[0]
    assert run.out.endswith(f"registered, not activated\nnext: coldstart model challenge {worse} --percent 10\n")
    manifest = json.loads((tmp_path / "worse" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["path"] == str(dataset_dir)
    assert manifest["data"]["training_users"] > 150
    assert version in coldstart("model", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activate", "--data", "DATA"], "needs --from-database"),
        (["--workers", "2", "--data", "DATA"], "needs --engine ray"),
        ([], "name a data set, or train --from-database"),
        (["--from-database", "--schema", "x.toml"], "the schema is the active version's"),
        (["--from-database"], "No model version is active"),
    ],
)
def test_train_with_contradictory_options_says_why(
    coldstart: Coldstart, dataset_dir: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = [str(dataset_dir) if argument == "DATA" else argument for argument in arguments]
    run = coldstart("train", *given, "--out", tmp_path / "model")
    assert run.code != 0
    assert message in " ".join(run.err.replace("│", " ").split())


def test_train_into_the_active_artifact_is_refused(coldstart: Coldstart, trained: Path) -> None:
    version = coldstart("model", "register", trained).out.strip()
    assert coldstart("model", "activate", version).code == 0
    run = coldstart("train", "--from-database", "--out", trained)
    assert run.code == 2
    assert "holds the active version; choose another directory" in run.err


def test_key_commands_create_list_and_revoke_keys(coldstart: Coldstart, tmp_path: Path) -> None:
    created = coldstart("key", "create", "shop", "--scope", "write")
    key = created.out.strip()
    assert key.startswith("coldstart_")
    assert coldstart("key", "create", "shop", "--scope", "read").code == 2
    listed = coldstart("key", "list").out
    assert "shop" in listed
    assert "write" in listed
    assert key not in listed
    assert key.encode() not in (tmp_path / "coldstart.db").read_bytes()

    assert coldstart("key", "revoke", "shop").code == 0
    assert "there is no key 'shop' that could be revoked" in coldstart("key", "revoke", "shop").err


def test_serve_on_a_public_host_requires_keys(coldstart: Coldstart, trained: Path, tmp_path: Path) -> None:
    run = coldstart("serve", "--model", trained, "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert run.code == 2
    assert "coldstart key create" in run.err
    assert "Traceback" not in run.err

    key = coldstart("key", "create", "shop", "--scope", "read").out.strip()
    with serving("--model", trained, "--host", "0.0.0.0", state=tmp_path) as client:  # noqa: S104
        assert client.get("/v1/items").status_code == 401
        assert client.get("/v1/items", headers={"X-API-Key": key}).status_code == 200


def test_serve_with_allowed_anonymous_requests_needs_no_key(trained: Path, tmp_path: Path) -> None:
    arguments = ("--model", trained, "--host", "0.0.0.0")  # noqa: S104
    with serving(*arguments, state=tmp_path, COLDSTART_ALLOW_ANONYMOUS="true") as client:
        assert client.get("/v1/items").status_code == 200


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda model: (model / "weights.safetensors").unlink(), "weights.safetensors: cannot be read"),
        (lambda model: (model / "items.parquet").write_bytes(b"PAR1"), "items.parquet: its SHA-256 does not match"),
        (lambda model: (model / "manifest.json").write_text("{}"), "manifest.json: has format version None"),
    ],
)
def test_serve_with_a_damaged_artifact_fails_and_says_why(
    coldstart: Coldstart, trained: Path, tmp_path: Path, damage: object, message: str
) -> None:
    model = Path(shutil.copytree(trained, tmp_path / "model"))
    assert callable(damage)
    damage(model)
    run = coldstart("serve", "--model", model, "--port", "0")
    assert run.code == 2
    assert message in run.err
    assert "Traceback" not in run.err


def test_train_with_wrong_option_values_says_why(coldstart: Coldstart, dataset_dir: Path, tmp_path: Path) -> None:
    run = coldstart("train", "--data", dataset_dir, "--preset", "best", "--out", tmp_path / "m")
    assert run.code == 2
    assert "no preset 'best'" in run.err

    run = coldstart("train", "--data", tmp_path, "--out", tmp_path / "m")
    assert run.code == 2
    assert "has neither a schema.toml nor" in run.err

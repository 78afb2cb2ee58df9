"""A client that openapi-python-client generates from the document calls a real server."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import ROOT, missing, served

INSTALLED = ROOT / ".coldstart" / "generator" / "bin" / "openapi-python-client"  # by `make generator`

# The generator knows no NDJSON, so it is told to send such a body as it is.
CONFIG = """content_type_overrides:
  application/x-ndjson: application/octet-stream
  application/vnd.apache.parquet: application/octet-stream
"""

PROGRAM = """
import sys

from generated import Client
from generated.api.candidates import list_candidates
from generated.api.evaluations import start_evaluation
from generated.api.ratings import add_ratings
from generated.api.users import get_user
from generated.models import (
    CandidatePage, Evaluation, EvaluationRequest, InvalidRequestProblem, RatingRequest, Ratings, RatingsRequest,
    UserNotFoundProblem,
)

client = Client(base_url=sys.argv[1])

def rate(rating):
    body = RatingsRequest(ratings=[RatingRequest(item_id="i1", rating=rating)])
    return add_ratings.sync("ada", client=client, body=body, n=3)

rated = rate(5)
assert isinstance(rated, Ratings), rated
assert len(rated.recommendations.items) == 3

candidates = list_candidates.sync(client=client, n=4)
assert isinstance(candidates, CandidatePage), candidates
assert len(candidates.items) == 4

evaluation = start_evaluation.sync(client=client, body=EvaluationRequest(seed=3))
assert isinstance(evaluation, Evaluation), evaluation
assert evaluation.config.seed == 3

wrong = rate(7)
assert isinstance(wrong, InvalidRequestProblem), wrong
assert wrong.errors[0].field == "ratings.0.rating"

nobody = get_user.sync("nobody", client=client)
assert isinstance(nobody, UserNotFoundProblem), nobody
assert nobody.status == 404
"""


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because the document does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def generator() -> Path:
    """The program openapi-python-client."""
    found = INSTALLED if INSTALLED.exists() else shutil.which("openapi-python-client")
    return Path(found) if found else missing("openapi-python-client", "install it by `make generator`")


def test_generated_client_has_no_warning_and_calls_the_service(
    generator: Path, settings: Settings, tmp_path: Path
) -> None:
    app = create_app(settings)
    document, config, package = (tmp_path / name for name in ("openapi.json", "config.yml", "generated"))
    document.write_text(json.dumps(app.openapi()), encoding="utf-8")
    config.write_text(CONFIG, encoding="utf-8")
    # It formats what it has generated with Ruff.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    generated = subprocess.run(
        [generator, "generate", "--path", document, "--config", config, "--meta", "none", "--output-path", package],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    output = generated.stdout + generated.stderr
    assert generated.returncode == 0, output
    assert "warning" not in output.lower(), output
    with served(app) as address:
        called = subprocess.run(
            [generator.with_name("python"), "-c", PROGRAM, address],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert called.returncode == 0, called.stderr

"""The types that openapi-typescript generates from the document fit calls of a real server, by openapi-fetch."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import ROOT, missing, served

MODULES = ROOT / ".coldstart" / "generator" / "node_modules"  # by `make generator`

# Without the option, fields with a default would have to be sent.
OPTIONS = ["--default-non-nullable=false"]
COMPILE = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node"]

PROGRAM = """
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

const client = createClient<paths>({ baseUrl: process.argv[2] });

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function rate(rating: number) {
  return await client.POST("/v1/users/{user_id}/ratings", {
    params: { path: { user_id: "ada" }, query: { n: 3 } },
    body: { ratings: [{ item_id: "i1", rating }] },
  });
}

const rated = await rate(5);
check(rated.data?.recommendations.items.length === 3, rated.error);

const candidates = await client.GET("/v1/candidates", { params: { query: { n: 4, filter: ["genre:Comedy"] } } });
const first: components["schemas"]["Candidate"] | undefined = candidates.data?.items[0];
check(candidates.data?.items.length === 4 && typeof first?.score === "number", candidates.error);

const evaluation = await client.POST("/v1/evaluations", { body: { seed: 3 } });
check(evaluation.data?.config.seed === 3, evaluation.error);

const wrong = await rate(7);
check(wrong.error?.type === "urn:coldstart:problem:invalid-request", wrong.data);
check(wrong.error.errors[0].field === "ratings.0.rating", wrong.error);

const nobody = await client.GET("/v1/users/{user_id}", { params: { path: { user_id: "nobody" } } });
check(nobody.error?.type === "urn:coldstart:problem:user-not-found" && nobody.error.status === 404, nobody.data);
"""


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because the document does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def node() -> str:
    """The program node, beside the installed packages."""
    found = shutil.which("node")
    if found is None or not MODULES.exists():
        missing("openapi-typescript", "install Node.js and npm, then run `make generator`")
    return found


def run(node: str, *arguments: object, within: Path) -> None:
    ended = subprocess.run([node, *map(str, arguments)], cwd=within, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_generated_types_fit_the_answers_of_the_service(node: str, settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings)
    (tmp_path / "openapi.json").write_text(json.dumps(app.openapi()), encoding="utf-8")
    (tmp_path / "program.mts").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(MODULES)
    generate, compile_ = MODULES / "openapi-typescript/bin/cli.js", MODULES / "typescript/bin/tsc"

    run(node, generate, "openapi.json", "-o", "schema.d.ts", *OPTIONS, within=tmp_path)
    run(node, compile_, *COMPILE, "program.mts", within=tmp_path)
    with served(app) as address:
        run(node, "program.mjs", address, within=tmp_path)

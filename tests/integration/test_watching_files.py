"""The files for Prometheus and Grafana, without running these: everything that the files name exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "coldstart.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"].replace("$__rate_interval", "1m") for panel in PANELS for target in panel["targets"]
]


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because the names of metrics do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """The metric selectors of an expression."""
    found: list[promql_parser.VectorSelector] = []

    def visit(part: promql_parser.Expr) -> None:
        if isinstance(part, promql_parser.MatrixSelector):
            found.append(part.vector_selector)
        elif isinstance(part, promql_parser.VectorSelector):
            found.append(part)

    promql_parser.walk(promql_parser.parse(expression), visit)
    yield from found


async def test_expressions_use_only_metrics_and_labels_that_exist(client: httpx.AsyncClient) -> None:
    await client.put("/v1/users/ada", json={})
    await client.get("/v1/users/ada/recommendations")
    labels: dict[str, set[str]] = {"up": {"job"}}
    for family in text_string_to_metric_families((await client.get("/metrics")).text):
        # A family whose labels were never used has no samples yet.
        suffixes = {"counter": ("_total",), "summary": ("_sum", "_count"), "histogram": ("_bucket", "_sum", "_count")}
        for suffix in suffixes.get(family.type, ("",)):
            labels.setdefault(family.name + suffix, set())
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)

    read = [selector for expression in EXPRESSIONS for selector in selectors(expression)]
    assert len(read) > len(EXPRESSIONS)
    for selector in read:
        assert selector.name in labels
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels[selector.name], selector.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert f"\n### {rule['alert']}\n" in OPERATIONS


async def test_metrics_of_the_service_are_all_documented(client: httpx.AsyncClient) -> None:
    families = list(text_string_to_metric_families((await client.get("/metrics")).text))
    of_service = {family.name for family in families if family.name.startswith("coldstart_")}

    explained = set(re.findall(r"^\| `(coldstart_\w+)`", OPERATIONS, re.MULTILINE))
    assert {name.removesuffix("_total") for name in explained} == {
        name for name in of_service if not name.endswith("_created")
    }


def test_dashboard_panels_are_described_and_do_not_overlap() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        covered = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not covered & places
        places |= covered
    assert all(panel["description"] for panel in PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_prometheus_and_compose_refer_only_to_files_and_services_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))

    assert all((DEPLOY / "prometheus" / name).is_file() for name in prometheus["rule_files"])
    (discovery,) = prometheus["scrape_configs"][0]["dns_sd_configs"]
    assert set(discovery["names"]) <= set(compose)
    for service in ("prometheus", "grafana"):
        mounted = [volume.split(":")[0] for volume in compose[service]["volumes"] if volume.startswith("./")]
        assert mounted
        assert all((ROOT / name).exists() for name in mounted)

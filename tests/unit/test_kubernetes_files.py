"""The Kubernetes manifests, without a cluster: checked against Kubernetes' schemas, the service and each other."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.main import create_app
from app.observability import metrics
from app.settings import Settings
from app.storage.tables import JobStatus
from app.web.assets import assets_path
from app.web.documentation import router as documentation
from app.web.pages import router as pages

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text(encoding="utf-8"))
ADAPTER: dict[str, Any] = yaml.safe_load((DIRECTORY / "prometheus-adapter.values.yaml").read_text(encoding="utf-8"))
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for name in KUSTOMIZATION["resources"]
    for manifest in yaml.safe_load_all((DIRECTORY / name).read_text(encoding="utf-8"))
]
OLDEST, NEWEST = "1.30", "1.37"
"""Kubernetes versions: the first whose pods can sleep before they stop, and the latest that the validator knows."""


def identify(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    """The manifests of these kinds, by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] in kinds}


def pod_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in MANIFESTS:
        spec = manifest.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "containers" in spec.get("template", {}).get("spec", {}):
            yield identify(manifest), spec["template"]


PODS = dict(pod_templates())
CONTAINERS = {name: pod["spec"]["containers"][0] for name, pod in PODS.items()}
API = PODS["Deployment-coldstart-api"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=identify)
def test_manifest_fits_the_kubernetes_schema(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_manifest_with_a_misspelled_field_is_refused() -> None:
    broken = yaml.safe_load(yaml.safe_dump(of_kind("Deployment")["coldstart-api"]))
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, NEWEST, strict=True)


def test_kustomization_names_every_file() -> None:
    files = {file.name for file in DIRECTORY.iterdir()}
    assert files == {*KUSTOMIZATION["resources"], "kustomization.yaml", "prometheus-adapter.values.yaml"}


def test_kustomize_builds_all_manifests() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run([kubectl, "kustomize", str(DIRECTORY)], capture_output=True, text=True, check=True).stdout

    together = list(yaml.safe_load_all(built))
    assert sorted(map(identify, together)) == sorted(map(identify, MANIFESTS))
    assert all(manifest["metadata"].get("namespace") == "coldstart" for manifest in together[1:])
    assert "image: coldstart\n" not in built


def test_manifests_have_all_parts_of_the_deployment() -> None:
    assert set(of_kind("Deployment")) == {"coldstart-api", "coldstart-worker"}
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert set(of_kind(kind)) == {"coldstart-api", "coldstart-worker"}
    assert {"coldstart-migrate", "coldstart-train"} == set(of_kind("Job", "CronJob"))
    assert of_kind("Service")
    assert of_kind("Ingress")
    assert of_kind("NetworkPolicy")


@pytest.mark.parametrize("name", PODS)
def test_pod_has_no_unneeded_privileges(name: str) -> None:
    pod, container = PODS[name]["spec"], CONTAINERS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", PODS)
def test_pod_declares_resources_and_volumes(name: str) -> None:
    resources = CONTAINERS[name]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}
    assert "/tmp" in {mount["mountPath"] for mount in CONTAINERS[name]["volumeMounts"]}  # noqa: S108 - in the container
    volumes = {volume["name"]: volume for volume in PODS[name]["spec"]["volumes"]}
    assert {mount["name"] for mount in CONTAINERS[name]["volumeMounts"]} == set(volumes)
    claims = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if "emptyDir" not in volume}
    assert claims <= set(of_kind("PersistentVolumeClaim"))


@pytest.mark.parametrize("name", PODS)
def test_pod_refers_to_secrets_without_values(name: str) -> None:
    sources = CONTAINERS[name]["envFrom"]
    assert {"secretRef": {"name": "coldstart"}} in sources
    assert {"configMapRef": {"name": "coldstart"}} in sources
    assert all("valueFrom" in variable for variable in CONTAINERS[name].get("env", []))
    assert not of_kind("Secret")


def test_config_map_has_settings_that_exist_and_no_secrets() -> None:
    given = of_kind("ConfigMap")["coldstart"]["data"]
    settings = {name.removeprefix("COLDSTART_").lower() for name in given if name.startswith("COLDSTART_")}
    assert settings <= set(Settings.model_fields)
    assert not settings & {"database_url", "redis_url"}
    assert "allow_anonymous" not in settings  # keys are required


@pytest.mark.parametrize("name", PODS)
def test_pod_runs_commands_that_exist(name: str) -> None:
    container = CONTAINERS[name]
    commands = [container["args"]]
    if "command" in container:
        commands = [found.split() for found in re.findall(r"coldstart ((?:model )?[a-z]+)", container["args"][0])]
    assert commands
    for words in commands:
        assert CliRunner().invoke(command_line, [*words, "--help"]).exit_code == 0


def test_probes_use_paths_and_port_of_the_service() -> None:
    container = API["spec"]["containers"][0]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: get["path"] for name, get in asked.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    (port,) = container["ports"]
    assert {get["port"] for get in asked.values()} == {port["name"]}
    assert port["containerPort"] == Settings.model_fields["port"].default
    slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert slept < API["spec"]["terminationGracePeriodSeconds"]


def test_selectors_match_the_labels_of_their_pods() -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}
    for name, manifest in of_kind("Deployment").items():
        assert manifest["spec"]["selector"]["matchLabels"] == labels[f"Deployment-{name}"]
    for name, manifest in of_kind("PodDisruptionBudget").items():
        assert manifest["spec"]["selector"]["matchLabels"] == labels[f"Deployment-{name}"]
    assert of_kind("Service")["coldstart-api"]["spec"]["selector"] == API["metadata"]["labels"]
    policies = {name: policy["spec"]["podSelector"]["matchLabels"] for name, policy in of_kind("NetworkPolicy").items()}
    assert policies["coldstart-api"] == API["metadata"]["labels"]
    assert all(policies["coldstart"].items() <= of_pod.items() for of_pod in labels.values())


def test_network_policies_allow_only_traffic_to_the_api() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["coldstart"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["coldstart"]["spec"]
    (rule,) = policies["coldstart-api"]["spec"]["ingress"]
    assert all("namespaceSelector" in source for source in rule["from"])


def is_reached(path: str) -> bool:
    (rule,) = of_kind("Ingress")["coldstart"]["spec"]["rules"]
    for allowed in rule["http"]["paths"]:
        if allowed["pathType"] == "Exact" and path == allowed["path"]:
            return True
        if allowed["pathType"] == "Prefix" and f"{path}/".startswith(f"{allowed['path']}/"):
            return True
    return False


def test_ingress_leads_to_every_route_except_metrics() -> None:
    app = create_app(Settings())
    routes = [*pages.routes, *documentation.routes]
    paths = {*app.openapi()["paths"], *(route.path for route in routes), app.openapi_url}
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not is_reached(path)] == []
    assert is_reached(f"{assets_path()}/base.css")
    assert not is_reached("/metrics")


def test_autoscalers_use_exactly_the_metrics_of_the_adapter() -> None:
    wanted = {
        metric[kind.lower()]["metric"]["name"]
        for autoscaler in of_kind("HorizontalPodAutoscaler").values()
        for metric in autoscaler["spec"]["metrics"]
        if (kind := metric["type"]) in {"Pods", "External"}
    }
    rules = [*ADAPTER["rules"]["custom"], *ADAPTER["rules"]["external"]]
    made = {
        rule.get("name", {}).get("as", promql_parser.parse(rule["seriesQuery"].split("{")[0]).name) for rule in rules
    }
    assert wanted == made


def test_adapter_reads_metrics_that_the_service_has() -> None:
    names = {family.name for family in REGISTRY.collect()}
    for rule in [*ADAPTER["rules"]["custom"], *ADAPTER["rules"]["external"]]:
        series = promql_parser.parse(rule["seriesQuery"])
        assert series.name in names
        query = (
            rule["metricsQuery"]
            .replace("<<.Series>>", series.name)
            .replace("<<.LabelMatchers>>", 'namespace="coldstart"')
            .replace("<<.GroupBy>>", "pod")
        )
        assert promql_parser.parse(query)
        for statuses in re.findall('status=~"(.+?)"', query):
            assert metrics.JOBS.labels(status=statuses.split("|")[0])
            assert set(statuses.split("|")) <= set(JobStatus)


def test_autoscalers_alone_set_the_replicas_of_deployments() -> None:
    for name, autoscaler in of_kind("HorizontalPodAutoscaler").items():
        target = autoscaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", name)
        assert "replicas" not in of_kind("Deployment")[name]["spec"]

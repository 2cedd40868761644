"""The manifests are valid by the schemas of Kubernetes, and as careful as they say."""

import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from entrypoints.safety import dangers
from entrypoints.settings import Settings
from tests.deploy.manifests import KUBERNETES, OVERLAYS, VARIABLES, Document, built, key_of, pod_of
from tests.programs import require

OLDEST, NEWEST = "1.30", "1.37"


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[Document]:
    return built(KUBERNETES / "overlays" / request.param)


@pytest.fixture(scope="module")
def production() -> dict[tuple[str, str], Document]:
    return {key_of(each): each for each in built(KUBERNETES / "overlays" / "production")}


def workloads(resources: list[Document]) -> list[Document]:
    return [each for each in resources if pod_of(each)]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_valid_by_its_schema(resources: list[Document], version: str) -> None:
    for resource in resources:
        kubernetes_validate.validate(resource, version, strict=True)


def test_a_misspelt_field_would_be_reported(resources: list[Document]) -> None:
    misspelt = workloads(resources)[0] | {"speck": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, NEWEST, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubectl_makes_of_the_overlays_what_we_make_of_them(overlay: str) -> None:
    command = [str(require(None, "kubectl")), "kustomize", str(KUBERNETES / "overlays" / overlay)]
    theirs = list(yaml.safe_load_all(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ours = built(KUBERNETES / "overlays" / overlay)
    assert {key_of(each): each for each in theirs} == {key_of(each): each for each in ours}


def test_every_resource_is_in_the_overlay_s_namespace(resources: list[Document]) -> None:
    (namespace,) = [each["metadata"]["name"] for each in resources if each["kind"] == "Namespace"]
    assert {each["metadata"].get("namespace", namespace) for each in resources} == {namespace}


def test_pods_are_nobody_in_particular_and_write_nowhere_but_to_tmp(resources: list[Document]) -> None:
    assert len(workloads(resources)) == 3
    for workload in workloads(resources):
        pod = pod_of(workload)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == ["/tmp"]  # noqa: S108 # a place in the container
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_no_service_s_variables_can_be_taken_for_settings(resources: list[Document]) -> None:
    # Kubernetes would set PARTITA_PORT=tcp://10.0.0.1:80 for a Service by the name of partita.
    assert all(pod_of(workload)["enableServiceLinks"] is False for workload in workloads(resources))


def test_secrets_are_named_and_nowhere_written(resources: list[Document]) -> None:
    assert not [each for each in resources if each["kind"] == "Secret"]
    for workload in workloads(resources):
        pod = pod_of(workload)
        for variable in pod["containers"][0]["env"]:
            assert variable["name"].endswith("_FILE")
            assert variable["value"].startswith("/run/secrets/")
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440


def test_in_production_servers_and_workers_find_replicas_in_the_secret(
    production: dict[tuple[str, str], Document], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("partita-api", "partita-worker"):
        pod = pod_of(production["Deployment", name])
        given = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        folder = next(each["name"] for each in pod["volumes"] if each.get("secret", {}).get("secretName") == "partita")
        mounted = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
        assert given["DATABASE_REPLICA_URLS_FILE"] == f"{mounted[folder]}/database-replica-urls"
    monkeypatch.delenv("DATABASE_REPLICA_URLS", raising=False)
    file = tmp_path / "database-replica-urls"
    monkeypatch.setenv("DATABASE_REPLICA_URLS_FILE", str(file))
    for text, urls in (
        ("", ()),
        ("postgresql://a@b/c,\npostgresql://a@d/c\n", ("postgresql://a@b/c", "postgresql://a@d/c")),
    ):
        file.write_text(text)
        assert Settings().replica_urls == urls


def test_the_owner_s_password_is_the_migration_s_alone(resources: list[Document]) -> None:
    of_owner = [each["metadata"]["name"] for each in workloads(resources) if "partita-owner" in str(pod_of(each))]
    assert of_owner == ["partita-migrate"]


def test_every_variable_is_a_setting(resources: list[Document]) -> None:
    known = VARIABLES | {f"{name}_FILE" for name in VARIABLES}
    for resource in resources:
        given = set(resource["data"]) if resource["kind"] == "ConfigMap" else set()
        for container in pod_of(resource).get("containers", ()):
            given |= {variable["name"] for variable in container["env"]}
        assert given <= known, key_of(resource)


def test_the_settings_of_production_are_safe_there(
    production: dict[tuple[str, str], Document], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for variable in Settings.variables().values():
        monkeypatch.delenv(variable, raising=False)
    for variable, value in production["ConfigMap", "partita"]["data"].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://partita_server:made-up@db.example.com/partita?sslmode=require")
    monkeypatch.setenv("REDIS_URL", "rediss://:made-up@redis.example.com:6380/0")
    # As Kubernetes gives it: root's, and readable by the group of the pod.
    key = tmp_path / "signing-key.pem"
    key.touch()
    key.chmod(0o440)
    assert Settings().is_production
    assert Settings().signing_key_path.as_posix() == "/run/secrets/partita/signing-key.pem"
    assert dangers(Settings(signing_key_file=key)) == []


def test_selectors_choose_the_pods_that_they_mean(production: dict[tuple[str, str], Document]) -> None:
    labels = {
        name: resource["spec"]["template"]["metadata"]["labels"]
        for (_, name), resource in production.items()
        if pod_of(resource)
    }
    for kind, name, chosen in [
        ("Service", "partita", ["partita-api"]),
        ("PodDisruptionBudget", "partita-api", ["partita-api"]),
        ("PodDisruptionBudget", "partita-worker", ["partita-worker"]),
        ("NetworkPolicy", "partita", ["partita-api", "partita-migrate", "partita-worker"]),
        ("NetworkPolicy", "partita-out", ["partita-api", "partita-worker"]),
        ("NetworkPolicy", "partita-api-in", ["partita-api"]),
    ]:
        spec = production[kind, name]["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        assert sorted(each for each, of in labels.items() if _chooses(selector, of)) == chosen, name


def _chooses(selector: Document, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {} if "matchExpressions" in selector else selector)
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions)
    return wanted.items() <= labels.items() and all(labels.get(each["key"]) in each["values"] for each in expressions)


def test_a_pod_has_time_to_stop_after_nobody_sends_it_requests_any_more(
    production: dict[tuple[str, str], Document],
) -> None:
    pod = pod_of(production["Deployment", "partita-api"])
    grace_seconds = float(production["ConfigMap", "partita"]["data"]["PARTITA_STOP_GRACE_SECONDS"])
    answers_seconds = Settings.model_fields["stop_seconds"].default
    # What was submitted is waited for half a minute after that, and jobs and webhooks for some seconds.
    assert pod["terminationGracePeriodSeconds"] >= grace_seconds + answers_seconds + 30 + 8
    assert production["Deployment", "partita-api"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in production["Deployment", "partita-api"]["spec"]

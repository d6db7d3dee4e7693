"""The manifests for Kubernetes and Docker Compose: what they must say, and that all they name is there."""

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate import ValidationError, validate
from kubernetes_validate.utils import all_versions
from ruamel.yaml import YAML

from daemon.rulebook.candidate import prepare
from daemon.settings import load_settings
from tests.deploy.dockerfile import read_dockerfile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
FINAL = read_dockerfile(ROOT / "Dockerfile")[-1]
STATE = FINAL.last("VOLUME").text
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def documents(file: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file, in which no key stands twice."""
    return list(YAML(typ="safe", pure=True).load_all(file.read_text(encoding="utf-8")))


MANIFESTS = {
    (document["kind"], document["metadata"]["name"]): document
    for file in sorted(FOLDER.iterdir())
    for document in documents(file)
}
DEPLOYMENT = MANIFESTS["Deployment", "flowmend"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
MOUNTS = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}

OLDEST, *_, NEWEST = all_versions()
"""Of Kubernetes, as far as its schemas are there; those of the Prometheus operator are not among them."""

COMPOSE_FILE = ROOT / "deploy" / "compose.yaml"
(COMPOSE_DOCUMENT,) = documents(COMPOSE_FILE)
COMPOSE = COMPOSE_DOCUMENT["services"]["flowmend"]


def test_there_is_a_manifest_of_each_kind_that_it_takes() -> None:
    assert {(kind, MANIFESTS[kind, name]["apiVersion"]) for kind, name in MANIFESTS} == {
        ("ConfigMap", "v1"),
        ("Secret", "v1"),
        ("PersistentVolumeClaim", "v1"),
        ("Deployment", "apps/v1"),
        ("PodMonitor", "monitoring.coreos.com/v1"),
    }


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment", "PersistentVolumeClaim", "Secret"])
def test_kubernetes_own_schemas_find_nothing_wrong_unknown_or_missing(kind: str, version: str) -> None:
    for manifest in (document for (each, _), document in MANIFESTS.items() if each == kind):
        assert version.startswith(validate(manifest, version, strict=True))


def test_a_field_that_kubernetes_does_not_know_or_takes_otherwise_would_be_found() -> None:
    for name, value in (("readOnlyRootFileSystem", True), ("runAsUser", "10001")):
        manifest = deepcopy(MANIFESTS["Deployment", "flowmend"])
        manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"][name] = value
        with pytest.raises(ValidationError):
            validate(manifest, NEWEST, strict=True)


def test_applying_the_folder_never_puts_an_example_in_place_of_a_real_token() -> None:
    applied = [
        document
        for file in FOLDER.iterdir()
        if file.suffix in {".yaml", ".yml", ".json"}
        for document in documents(file)
    ]

    assert len(applied) == len(MANIFESTS) - 1
    assert all(document["kind"] != "Secret" for document in applied)


def test_there_is_one_and_the_old_one_ends_before_the_new_one_begins() -> None:
    assert (DEPLOYMENT["replicas"], DEPLOYMENT["strategy"]) == (1, {"type": "Recreate"})
    assert MANIFESTS["PersistentVolumeClaim", "flowmend-state"]["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert POD["terminationGracePeriodSeconds"] > 20
    assert "command" not in CONTAINER  # the image's own, without a shell that would keep SIGTERM to itself


def test_it_runs_as_the_user_of_the_image_and_can_do_nothing_else() -> None:
    user, group = map(int, FINAL.last("USER").text.split(":"))
    pod = POD["securityContext"]

    assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]) == (True, user, group, group)
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_image_is_that_of_this_version() -> None:
    assert CONTAINER["image"] == COMPOSE["image"] == f"flowmend:{VERSION}"


@pytest.mark.parametrize(
    ("probe", "path"), [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
)
def test_the_probes_ask_what_they_are_about(probe: str, path: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": "http"}


def test_metrics_are_read_where_the_service_answers() -> None:
    monitor = MANIFESTS["PodMonitor", "flowmend"]["spec"]
    labels = DEPLOYMENT["template"]["metadata"]["labels"]

    assert CONTAINER["ports"] == [{"name": "http", "containerPort": int(FINAL.last("EXPOSE").text)}]
    assert [(each["port"], each["path"]) for each in monitor["podMetricsEndpoints"]] == [("http", "/metrics")]
    assert DEPLOYMENT["selector"]["matchLabels"] == monitor["selector"]["matchLabels"] == labels


def test_every_volume_is_there_is_mounted_and_only_the_state_can_be_written_to() -> None:
    sources = {volume["name"]: volume for volume in POD["volumes"]}
    named = {
        ("ConfigMap", sources["config"]["configMap"]["name"]),
        ("ConfigMap", sources["rules"]["configMap"]["name"]),
        ("Secret", sources["tokens"]["secret"]["secretName"]),
        ("PersistentVolumeClaim", sources["state"]["persistentVolumeClaim"]["claimName"]),
    }

    assert sources.keys() == MOUNTS.keys()
    assert named <= MANIFESTS.keys()
    assert {name for name, mount in MOUNTS.items() if not mount.get("readOnly")} == {"state"}
    assert MOUNTS["state"]["mountPath"] == STATE
    assert all("subPath" not in mount for mount in MOUNTS.values())
    assert sources["tokens"]["secret"]["defaultMode"] == 0o440


def test_the_configuration_leads_to_what_is_mounted(tmp_path: Path) -> None:
    (variable,) = CONTAINER["env"]
    file = Path(variable["value"])
    config = MANIFESTS["ConfigMap", "flowmend-config"]["data"][file.name]
    (tmp_path / file.name).write_text(config, encoding="utf-8")
    settings = load_settings(None, {"FLOWMEND_CONFIG": str(tmp_path / file.name)}, tmp_path)
    (account,) = settings.accounts.values()

    assert (variable["name"], str(file.parent)) == ("FLOWMEND_CONFIG", MOUNTS["config"]["mountPath"])
    assert account.token_file is not None
    assert str(account.token_file.parent) == MOUNTS["tokens"]["mountPath"]
    assert account.token_file.name in MANIFESTS["Secret", "flowmend-tokens"]["stringData"]
    assert [str(path) for path in settings.rules.paths] == [MOUNTS["rules"]["mountPath"]]
    assert settings.store.url.startswith(f"sqlite:///{STATE}/")
    assert settings.server.port == int(FINAL.last("EXPOSE").text)


def test_the_rules_are_good_where_kubernetes_lays_them(tmp_path: Path) -> None:
    written = tmp_path / "..2026_03_02_09_00_00.1"
    written.mkdir()
    (tmp_path / "..data").symlink_to(written.name)
    for name, text in MANIFESTS["ConfigMap", "flowmend-rules"]["data"].items():
        (written / name).write_text(text, encoding="utf-8")
        (tmp_path / name).symlink_to(f"..data/{name}")
    found = prepare([tmp_path])

    assert found.problems == ()
    assert found.ruleset is not None
    assert len(found.ruleset.rules) == 1


def test_compose_shuts_it_in_as_the_image_wants_it_and_gives_it_time_to_stop() -> None:
    assert (COMPOSE["read_only"], COMPOSE["cap_drop"]) == (True, ["ALL"])
    assert COMPOSE["security_opt"] == ["no-new-privileges:true"]
    assert COMPOSE["stop_grace_period"] == "30s"
    assert COMPOSE["restart"] == "unless-stopped"
    assert not {"user", "privileged", "entrypoint", "command", "healthcheck"} & COMPOSE.keys()  # the image's own


def test_compose_mounts_configuration_and_state_and_opens_its_port_to_the_machine_alone() -> None:
    port = FINAL.last("EXPOSE").text

    assert COMPOSE["volumes"] == [f"./flowmend:{FINAL.last('WORKDIR').text}:ro", f"state:{STATE}"]
    assert COMPOSE_DOCUMENT["volumes"].keys() == {"state"}
    assert COMPOSE["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert (COMPOSE_FILE.parent / COMPOSE["build"] / "Dockerfile").is_file()

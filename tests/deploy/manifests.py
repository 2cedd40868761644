"""The files that deploy Partita, read; and what `kubectl kustomize` makes of the overlays, without kubectl.

Only what our overlays use: resources, a namespace, images, and patches as JSON Patch. Where there is a kubectl, a test
compares with it.
"""

from pathlib import Path
from typing import Any, Final

import jsonpatch
import yaml

from entrypoints.settings import Settings
from tests.docs.pages import ROOT

Document = dict[str, Any]

KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())
VARIABLES: Final = {*Settings.variables().values()}
_UNDERSTOOD: Final = {"apiVersion", "kind", "namespace", "resources", "images", "patches"}
_OF_NO_NAMESPACE: Final = {"Namespace"}


def documents(file: Path) -> list[Document]:
    """Return what stands in a file of YAML."""
    return list(yaml.safe_load_all(file.read_text("utf-8")))


def built(folder: Path) -> list[Document]:
    """Return the resources of a kustomization."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    assert kustomization.keys() <= _UNDERSTOOD
    resources: list[Document] = []
    for name in kustomization["resources"]:
        resource = (folder / name).resolve()
        resources += built(resource) if resource.is_dir() else documents(resource)
    for patch in kustomization.get("patches", ()):
        resources = _patched(resources, patch)
    for resource in resources:
        if "namespace" in kustomization and resource["kind"] not in _OF_NO_NAMESPACE:
            resource["metadata"]["namespace"] = kustomization["namespace"]
        for image in kustomization.get("images", ()):
            for container in pod_of(resource).get("containers", ()):
                if container["image"] == image["name"]:
                    container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    return resources


def pod_of(resource: Document) -> Document:
    """Return how the pods of a resource are specified, or nothing for one that has none."""
    pod: Document = resource.get("spec", {}).get("template", {}).get("spec", {})
    return pod


def key_of(resource: Document) -> tuple[str, str]:
    """Return what names a resource."""
    return resource["kind"], resource["metadata"]["name"]


def _patched(resources: list[Document], patch: Document) -> list[Document]:
    target = patch["target"]["kind"], patch["target"]["name"]
    assert target in map(key_of, resources)
    operations = jsonpatch.JsonPatch(yaml.safe_load(patch["patch"]))
    return [operations.apply(each) if key_of(each) == target else each for each in resources]

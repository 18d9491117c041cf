"""Kubernetes' objects as an overlay says them, rendered by the kustomize that is installed here."""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from mlops.errors import CannotRun

RENDERERS = (("kustomize", "build"), ("kubectl", "kustomize"))
TOOLS = ".tools/bin"


def renderer() -> list[str] | None:
    """Return the command that renders a folder; None where neither kustomize nor kubectl is installed."""
    path = f"{Path(TOOLS).resolve()}{os.pathsep}{os.environ.get('PATH', '')}"
    for name, word in RENDERERS:
        if found := shutil.which(name, path=path):
            return [found, word]
    return None


def rendered(folder) -> list[dict]:
    """Return the objects of a kustomization; raises CannotRun with what kustomize says where it cannot be rendered."""
    command = renderer()
    if command is None:
        raise CannotRun(
            "neither kustomize nor kubectl is installed here: `make setup-kustomize` installs one (it needs Go)"
        )
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise CannotRun(f"{folder} cannot be rendered: {' '.join(done.stderr.split())[:400]}")
    return [each for each in yaml.safe_load_all(done.stdout) if each]

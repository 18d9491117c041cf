"""Kustomize for tests: they are skipped where it is not installed, but never in CI."""

import os

import pytest

from mlops.delivery.render import renderer

needs_kustomize = pytest.mark.skipif(
    renderer() is None and not os.environ.get("CI"),
    reason="neither kustomize nor kubectl is installed here; CI has them",
)

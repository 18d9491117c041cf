"""Rendering is kustomize's, and so are its errors, in one sentence."""

import pytest

from mlops.delivery import render
from mlops.errors import CannotRun
from mlops.files import write_text
from rendering import needs_kustomize


@needs_kustomize
def test_a_folder_is_rendered(tmp_path):
    """Every object of it, in a list."""
    write_text(tmp_path / "a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n")
    write_text(tmp_path / "kustomization.yaml", "namespace: b\nresources: [a.yaml]\n")
    expected = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
    assert [expected] == render.rendered(tmp_path)


@needs_kustomize
def test_what_cannot_be_rendered_is_said(tmp_path):
    """By name."""
    write_text(tmp_path / "kustomization.yaml", "resources: [missing.yaml]\n")
    with pytest.raises(CannotRun, match=r"cannot be rendered: .*missing\.yaml"):
        render.rendered(tmp_path)


def test_without_kustomize_the_way_to_it_is_said(monkeypatch, tmp_path):
    """A machine that has neither."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert render.renderer() is None
    with pytest.raises(CannotRun, match="make setup-kustomize"):
        render.rendered(tmp_path)

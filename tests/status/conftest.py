"""What tests of `status` begin with: nobody who is logged in, and prod at step stable."""

import json

import pytest

from rollout_cases import FIRST, main


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """Nobody is logged in here: a stand-in of `gh` says so."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "bin/gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def remote(nobody, tmp_path, monkeypatch):
    """Main with prod at step stable, its champion's model in metrics.json, as working directory."""
    (tmp_path / "git").mkdir()
    made = main(tmp_path / "git", **{"metrics.json": json.dumps({"model_hash": FIRST.model})})
    monkeypatch.chdir(made.path)
    return made

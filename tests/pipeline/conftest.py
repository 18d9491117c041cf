"""Working folders for the stages: an empty one, and copies of one in which a model was trained and evaluated."""

import shutil

import pytest

from tables import Folder, applications


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with params and contract, as working directory."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path).start()


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory):
    """The folder of a pipeline that ran to `evaluate` on 1,200 rows; tests read it, and change only copies."""
    path = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        return Folder(path).start().raw(applications()).run("prepare", "train", "evaluate")


@pytest.fixture
def trained(evaluated, tmp_path, monkeypatch):
    """A copy of that folder, as working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(evaluated.path, tmp_path, dirs_exist_ok=True)
    return Folder(tmp_path)

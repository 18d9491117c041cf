"""Working folders for the stages: an empty one, and copies of one in which a model was trained and evaluated."""

import shutil
from functools import cache

import pytest

from tables import Folder, applications, one_thread


@pytest.fixture(scope="session", autouse=True)
def _pinned():
    """On one thread."""
    with one_thread():
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with params and contract, as working directory."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path).start()


@pytest.fixture(scope="session")
def answered(tmp_path_factory):
    """A function: task -> the folder of a pipeline that ran to `evaluate` on 1,200 rows; tests read it, and change only copies."""

    @cache
    def run(task: str) -> Folder:
        path = tmp_path_factory.mktemp(task)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(path)
            return Folder(path).start().ask(task).raw(applications()).run("prepare", "train", "evaluate")

    return run


@pytest.fixture(scope="session")
def evaluated(answered):
    """The one of task binary."""
    return answered("binary")


@pytest.fixture
def copied(answered, tmp_path, monkeypatch):
    """A function: task -> a copy of that folder, as working directory."""

    def copy(task: str) -> Folder:
        monkeypatch.chdir(tmp_path)
        shutil.copytree(answered(task).path, tmp_path, dirs_exist_ok=True)
        return Folder(tmp_path)

    return copy


@pytest.fixture
def trained(copied):
    """The one of task binary."""
    return copied("binary")

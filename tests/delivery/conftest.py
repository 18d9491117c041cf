"""A registry, and a commit whose image is built once, for the tests that meet real ones."""

import shutil
import subprocess

import pytest

from copies import lay_out
from images_built import build_image
from registry import CONTAINERS, listening


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A real one."""
    (tmp_path / "registry").mkdir()
    with listening(tmp_path / "registry") as running:
        yield running


@pytest.fixture(scope="session")
def containers(tmp_path_factory):
    """The variables by which buildah and podman run as this machine allows."""
    path = tmp_path_factory.mktemp("containers") / "containers.conf"
    path.write_text(CONTAINERS)
    return {"CONTAINERS_CONF": str(path), "BUILDAH_ISOLATION": "chroot"}


@pytest.fixture(scope="session")
def committed(answered, tmp_path_factory):
    """A git repository with this repository's files and a model of 1,200 rows, all committed that git keeps."""
    path = lay_out(tmp_path_factory.mktemp("committed") / "tree")
    shutil.copytree(answered("binary").path, path, dirs_exist_ok=True)
    for words in (
        ["init", "-q", "-b", "main"], ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "main"],
    ):  # fmt: skip
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


@pytest.fixture(scope="session")
def built(committed, containers):
    """It again, with its image built."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in containers.items():
            patch.setenv(name, value)
        build_image(committed)
    return committed

"""Those bytes are pushed that were built, once a build key."""

import argparse
import subprocess

import pytest

from images_built import needs_images
from mlops import contract
from mlops.delivery import push_image
from mlops.delivery import registry as registries
from mlops.delivery.container import running
from mlops.delivery.smoke import answers, golden
from mlops.errors import CannotRun
from mlops.files import read_json, write_json
from mlops.onnx_model import Model
from oci import archive

KEY = "5" * 64


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function: labels, key -> a folder with an archive, as working directory; its digest."""
    monkeypatch.chdir(tmp_path)

    def make(name: str = "first", key: str = KEY) -> str:
        digest = archive(tmp_path / "build/image.tar", {"name": name})
        write_json(tmp_path / "build/image.json", {"digest": digest, "build_key": key})
        return digest

    return make


def push(to: str, digest: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    push_image.add_arguments(parser)
    return push_image.run(parser.parse_args(["--to", to, "--digest", digest]))


def test_other_bytes_than_those_that_were_scanned_are_not_pushed(folder):
    """The job that built says its digest."""
    folder()
    with pytest.raises(CannotRun, match="these bytes are not the ones that were scanned"):
        push("127.0.0.1:1/acme/model", f"sha256:{'a' * 64}")


def test_an_image_of_no_commit_is_not_pushed(folder):
    """It has no key."""
    digest = folder(key="")
    with pytest.raises(CannotRun, match="is of files that no commit holds"):
        push("127.0.0.1:1/acme/model", digest)


@pytest.mark.slow
@needs_images
def test_a_build_key_has_one_image(folder, registry, capsys):
    """Pushed once; again it is there; other bytes of the same key are left out, for those that are there."""
    name, first = f"{registry.host}/acme/model", folder()
    assert [0, 0] == [push(name, first), push(name, first)]
    assert [f"{name}@{first} pushed", f"{name}@{first} is there already, as of this build key"] == (
        capsys.readouterr().out.splitlines()
    )
    other = folder("second")
    assert 0 == push(name, other)
    assert f"{name}@{first} is there already" in capsys.readouterr().out
    assert first == registries.find(name, KEY).image.digest


@pytest.mark.slow
@needs_images
def test_what_is_pulled_by_digest_answers_as_the_pipeline_does(built, containers, registry, monkeypatch, tmp_path):
    """Build, push, pull by digest, run: the same scores and decisions."""
    for variable, value in containers.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(built)
    digest, name = read_json("build/image.json", "")["digest"], f"{registry.host}/acme/model"
    assert 0 == push(name, digest)
    pulled = tmp_path / "pulled.tar"
    words = ["skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"]
    subprocess.run([*words, f"docker://{name}@{digest}", f"oci-archive:{pulled}"], check=True)
    rows, expected = golden(Model.read(), contract.read())
    with running(str(pulled), DRAIN_SECONDS="0") as container:
        container.ready()
        assert [] == [*answers(container, rows, expected)]

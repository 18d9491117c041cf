"""Those bytes are pushed that were built, once a build key, and are found only once they are whole."""

import argparse
import subprocess
import tarfile
from pathlib import Path

import pytest

from images_built import needs_images
from mlops import contract
from mlops.delivery import image, push_image
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.delivery.container import running
from mlops.delivery.smoke import answers, golden
from mlops.errors import CannotRun
from mlops.files import read_json, write_json
from mlops.onnx_model import Model
from oci import archive
from remote import git

MODEL = "a" * 64
NOWHERE = "127.0.0.1:1/acme/model"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A commit with what an image is made of, as working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("*\n!metrics.json\n")
    write_json("metrics.json", {"model_hash": MODEL})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def built(name: str = "first", **labels: str) -> str:
    """Write an archive of this commit (or what its labels say else), and return its digest."""
    said = {"mlops.build-key": build_key(), "mlops.model-hash": MODEL, "name": name}
    return archive(
        Path("build/image.tar"), said | {f"mlops.{key.replace('_', '-')}": value for key, value in labels.items()}
    )


def push(to: str, digest: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    push_image.add_arguments(parser)
    return push_image.run(parser.parse_args(["--to", to, "--digest", digest]))


def test_other_bytes_than_those_that_were_scanned_are_not_pushed(tree):
    """The job that built says its digest."""
    built()
    with pytest.raises(CannotRun, match="these bytes are not the ones that were scanned"):
        push(NOWHERE, f"sha256:{'a' * 64}")


def test_an_archive_that_was_tampered_with_is_none(tree):
    """Its index says one digest, its bytes have another; and again, as a run that is repeated would."""
    digest = built()
    with tarfile.open("build/image.tar") as file:
        held = {member.name: file.extractfile(member).read() for member in file}
    name = f"blobs/sha256/{digest[7:]}"
    held[name] = held[name].replace(b'"schemaVersion": 2', b'"schemaVersion":  2')
    with tarfile.open("build/image.tar", "w") as file:
        for each, data in held.items():
            (tree / "part").write_bytes(data)
            file.add(tree / "part", each)
    for _ in range(2):
        with pytest.raises(CannotRun, match="is no OCI archive of one image"):
            push(NOWHERE, digest)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"build_key": ""}, "has no build key: it is of files that no commit holds"),
        ({"build_key": "b" * 64}, "has mlops.build-key bbbbbbbbbbbb, this commit's is"),
        ({"model_hash": "b" * 64}, "has mlops.model-hash bbbbbbbbbbbb, this commit's is aaaaaaaaaaaa"),
    ],
)
def test_an_image_of_another_commit_is_not_pushed(tree, labels, said):
    """Its labels are held against this commit, whatever another job says of it."""
    digest = built(**labels)
    with pytest.raises(CannotRun, match=said):
        push(NOWHERE, digest)


@pytest.mark.slow
@needs_images
def test_a_build_key_has_one_image(tree, registry, capsys):
    """Pushed once; again it is there; other bytes of the same key are left out, for those that are there."""
    name, first = f"{registry.host}/acme/model", built()
    assert [0, 0] == [push(name, first), push(name, first)]
    assert [f"{name}@{first} pushed", f"{name}@{first} is there already, as of this build key"] == (
        capsys.readouterr().out.splitlines()
    )
    other = built("second")
    assert 0 == push(name, other)
    assert f"{name}@{first} is there already" in capsys.readouterr().out
    assert first == registries.find(name, build_key()).image.digest


@pytest.mark.slow
@needs_images
def test_somebody_elses_image_at_our_key_is_not_ours(tree, registry):
    """A tag can be moved by whoever may write to the registry."""
    name = f"{registry.host}/acme/model"
    theirs, key = built(model_hash="b" * 64), build_key()
    registries.copy("build/image.tar", name, theirs)
    registries.tag(name, theirs, key)
    with pytest.raises(CannotRun, match="has mlops.model-hash bbbbbbbbbbbb"):
        push(name, built())


@pytest.mark.slow
@needs_images
def test_a_run_that_died_before_its_tag_is_made_good(tree, registry):
    """What has no tag is found by nobody, and the next run ends it."""
    name, digest = f"{registry.host}/acme/model", built()
    registries.copy("build/image.tar", name, digest)
    assert registries.find(name, build_key()) is None
    assert 0 == push(name, digest)
    assert digest == registries.find(name, build_key()).image.digest


@pytest.mark.slow
@needs_images
def test_what_is_pulled_by_digest_answers_as_the_pipeline_does(built_tree, registry, tmp_path):
    """Build, push, pull by digest, run: the same scores and decisions."""
    digest, name = read_json("build/image.json", "")["digest"], f"{registry.host}/acme/model"
    assert digest == image.digest("build/image.tar")
    registries.copy("build/image.tar", name, digest)
    pulled = tmp_path / "pulled.tar"
    words = ["skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"]
    subprocess.run([*words, f"docker://{name}@{digest}", f"oci-archive:{pulled}"], check=True)
    rows, expected = golden(Model.read(), contract.read())
    with running(str(pulled), DRAIN_SECONDS="0") as container:
        container.ready()
        assert [] == [*answers(container, rows, expected)]


@pytest.fixture
def built_tree(request, containers, monkeypatch):
    """The tree whose image is built, as working directory."""
    for variable, value in containers.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(request.getfixturevalue("built"))

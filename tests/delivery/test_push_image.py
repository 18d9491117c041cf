"""Those bytes are pushed that were built, and are found at their build key only once they are whole."""

import argparse
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from images_built import needs_images
from mlops import contract
from mlops.delivery import image, push_image, signature
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.delivery.container import running
from mlops.delivery.smoke import answers, golden
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.onnx_model import Model

NOWHERE = "127.0.0.1:1/acme/model"


def push(to: str, digest: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    push_image.add_arguments(parser)
    return push_image.run(parser.parse_args(["--to", to, "--digest", digest]))


def test_other_bytes_than_those_that_were_scanned_are_not_pushed(commit, archived):
    """The job that built says its digest."""
    archived()
    with pytest.raises(CannotRun, match="these bytes are not the ones that were built and scanned"):
        push(NOWHERE, f"sha256:{'a' * 64}")


def test_an_archive_that_was_tampered_with_is_none(commit, archived):
    """Its index says one digest, its bytes have another; and again, as a run that is repeated would."""
    digest = archived()
    with tarfile.open("build/image.tar") as file:
        held = {member.name: file.extractfile(member).read() for member in file}
    name = f"blobs/sha256/{digest[7:]}"
    held[name] = held[name].replace(b'"schemaVersion": 2', b'"schemaVersion":  2')
    with tarfile.open("build/image.tar", "w") as file:
        for each, data in held.items():
            (commit / "part").write_bytes(data)
            file.add(commit / "part", each)
    for _ in range(2):
        with pytest.raises(CannotRun, match="is no OCI archive of one image"):
            push(NOWHERE, digest)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"build_key": ""}, "has no build key: it is of files that no commit holds"),
        ({"build_key": "b" * 64}, "has mlops.build-key bbbbbbbbbbbb, this commit's is"),
        ({"model_hash": "b" * 64}, "has mlops.model-hash bbbbbbbbbbbb, this commit's is aaaaaaaaaaaa"),
    ],
)
def test_an_image_of_another_commit_is_not_pushed(commit, archived, changed, said):
    """Its labels are held against this commit, whatever another job says of it."""
    digest = archived(**changed)
    with pytest.raises(CannotRun, match=said):
        push(NOWHERE, digest)


def test_the_token_is_shown_for_as_long_as_it_takes(commit, archived, monkeypatch):
    """And no longer: what runs next finds none."""
    digest, shown = archived(), []

    def pushed(*_) -> str:
        shown.append(os.environ.get("REGISTRY_AUTH_FILE"))
        return "pushed"

    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.setattr(push_image, "pushed", pushed)
    assert 0 == push(NOWHERE, digest)
    assert (True, None) == (bool(shown[0]), os.environ.get("REGISTRY_AUTH_FILE"))


def test_what_was_signed_meanwhile_is_not_replaced(commit, archived, labels, monkeypatch):
    """Another run was faster, or this one is an old one: that image counts."""
    digest = archived()
    there = registries.Found(registries.Image(NOWHERE, f"sha256:{'2' * 64}"), labels())
    monkeypatch.setattr(registries, "find", lambda *_: there)
    monkeypatch.setattr(signature, "fault", lambda _: "")
    with pytest.raises(CannotRun, match="was signed for this build key since `plan` looked"):
        push(NOWHERE, digest)


@pytest.mark.slow
@needs_images
def test_the_same_bytes_are_pushed_once(commit, archived, registry, capsys, monkeypatch):
    """Again they are there, and either way the outputs of the step say which."""
    monkeypatch.setenv("GITHUB_OUTPUT", "output")
    name, digest = f"{registry.host}/acme/model", archived()
    assert [0, 0] == [push(name, digest), push(name, digest)]
    assert [f"{name}@{digest} pushed", f"{name}@{digest} is there already, as of this build key"] == (
        capsys.readouterr().out.splitlines()
    )
    assert [f"digest={digest}", f"repository={name}"] * 2 == Path("output").read_text().splitlines()


@pytest.mark.slow
@needs_images
@pytest.mark.parametrize("theirs", [{"name": "of other bytes"}, {"model_hash": "b" * 64}, {"build_key": ""}])
def test_what_lies_at_our_key_and_is_not_ours_is_replaced(commit, archived, pushed, standin, capsys, theirs):
    """A tag can be set by whoever may write; what is unsigned, or not ours, is still there by its digest."""
    old, digest = pushed(**theirs), archived()
    assert 0 == push(old.repository, digest)
    assert f"{old.repository}@{digest} pushed in the place of {old.digest}\n" == capsys.readouterr().out
    assert digest == registries.find(old.repository, build_key()).image.digest
    assert old == registries.find(old.repository, old.digest).image


@pytest.mark.slow
@needs_images
def test_what_a_registry_takes_and_does_not_have_is_not_pushed(commit, archived, registry, monkeypatch):
    """Somebody moved the tag at the same moment, or the registry forgot it."""
    monkeypatch.setattr(registries, "tag", lambda *_: None)
    with pytest.raises(CannotRun, match="took sha256:.* and has nothing at its build key: run this job again"):
        push(f"{registry.host}/acme/model", archived())


@pytest.mark.parametrize("answer", [None, registries.Denied("a package that nobody has pushed yet")])
def test_a_first_push_finds_nothing_or_is_shown_nothing(commit, archived, monkeypatch, answer):
    """GitHub's registry denies what does not exist; then it is pushed, tagged and looked at again."""
    digest, done = archived(), []

    def find(name, key):
        if done:
            return registries.Found(registries.Image(name, digest), {})
        if answer:
            raise answer
        return None

    monkeypatch.setattr(registries, "find", find)
    monkeypatch.setattr(registries, "copy", lambda *words: done.append("copy"))
    monkeypatch.setattr(registries, "tag", lambda name, digest, key: done.append(key))
    assert 0 == push(NOWHERE, digest)
    assert ["copy", build_key()] == done


@pytest.mark.slow
@needs_images
def test_a_registry_that_is_away_has_nothing_replaced(commit, archived, registry):
    """No answer is no reason to push."""
    registry.stop()
    with pytest.raises(CannotRun, match="gives no answer"):
        push(f"{registry.host}/acme/model", archived())


@pytest.mark.slow
@needs_images
def test_a_run_that_died_before_its_tag_is_made_good(commit, archived, registry):
    """What has no tag is found by nobody, and the next run ends it."""
    name, digest = f"{registry.host}/acme/model", archived()
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

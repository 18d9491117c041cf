"""What is signed is this commit's image with its SBOM and its provenance: the signature comes last, and once."""

import argparse
import json
import os
from pathlib import Path

import pytest

from images_built import needs_images
from mlops.delivery import registry as registries
from mlops.delivery import sign, signature
from mlops.errors import CannotRun
from mlops.files import write_json

NAME, DIGEST = "ghcr.io/acme/loans", f"sha256:{'1' * 64}"
MODEL, DATA, COMMIT, BASE = "a" * 64, "d" * 64, "c" * 40, "b" * 64
HOME = "https://github.com/acme/loans"
RUN = {
    "GITHUB_REPOSITORY": "acme/loans",
    "GITHUB_WORKFLOW_REF": "acme/loans/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
}
SIGNED = "https://sigstore.dev/cosign/sign/v1"


@pytest.fixture
def there(commit, standin, labels, monkeypatch):
    """A function: labels -> the registry has an image that says so, and nothing is asked over the network."""
    scanned(DIGEST)

    def has(digest: str = DIGEST, **changed: str):
        found = registries.Found(registries.Image(NAME, DIGEST), labels(**changed))
        monkeypatch.setattr(registries, "find", lambda name, asked: found if asked == digest else None)
        return found

    return has


def scanned(digest: str) -> None:
    """Leave what `scan` leaves of an image."""
    write_json("build/scan/sbom.cdx.json", {"bomFormat": "CycloneDX", "specVersion": "1.6"})
    write_json("build/scan/image.json", {"digest": digest})


def run(name: str = NAME, digest: str = DIGEST) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    sign.add_arguments(parser)
    return sign.run(parser.parse_args(["--repository", name, "--digest", digest]))


def kept(file: Path) -> list[str]:
    """What cosign has of all images, in the order in which it came."""
    return [entry["type"] for entry in json.loads(file.read_text())] if file.exists() else []


def test_the_signature_comes_last(there, standin, capsys, monkeypatch):
    """Both attestations are there before it, so an image that has it has all three."""
    monkeypatch.setenv("GITHUB_OUTPUT", "../output")
    there()
    assert 0 == run()
    assert ["cyclonedx", "slsaprovenance1", SIGNED] == kept(standin)
    assert (
        f"{NAME}@{DIGEST} is signed by {HOME}/.github/workflows/image.yml@refs/heads/main\n" == capsys.readouterr().out
    )
    assert f"digest={DIGEST}\n" == Path("../output").read_text()


def test_what_is_attested_is_the_scans_sbom_and_the_provenance(there, standin):
    """As they are in the files."""
    found = there()
    run()
    sbom, provenance, _ = (entry["about"] for entry in json.loads(standin.read_text()))
    assert [json.loads(Path("build/scan/sbom.cdx.json").read_text()), sign.provenance(found)] == [sbom, provenance]


def test_what_is_signed_is_not_signed_again(there, standin, monkeypatch):
    """A second run adds nothing, and needs no SBOM."""
    there()
    run()
    Path("build/scan/sbom.cdx.json").unlink()
    assert 0 == run()
    assert 3 == len(kept(standin))


@pytest.mark.parametrize("verb", ["attest", "sign"])
def test_a_run_that_died_is_made_good(there, standin, monkeypatch, verb):
    """Whether it died before or after its attestations."""
    there()
    with monkeypatch.context() as patch:
        patch.setattr(signature, verb, _dies)
        with pytest.raises(CannotRun, match="died"):
            run()
    assert SIGNED not in kept(standin)
    assert 0 == run()
    assert SIGNED == kept(standin)[-1]


def _dies(*_):
    raise CannotRun("died")


def test_without_its_sbom_nothing_is_signed(there, standin):
    """Nor attested."""
    there()
    Path("build/scan/sbom.cdx.json").unlink()
    with pytest.raises(CannotRun, match=r"build/scan/sbom\.cdx\.json is not there: `mlops scan` writes it"):
        run()
    assert [] == kept(standin)


def test_what_was_not_scanned_is_not_signed(there, standin):
    """The SBOM that is here is another image's."""
    there()
    scanned(f"sha256:{'2' * 64}")
    with pytest.raises(CannotRun, match="is to be signed: it was not scanned"):
        run()
    assert [] == kept(standin)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_hash": "e" * 64}, "has mlops.model-hash eeeeeeeeeeee, this commit's is aaaaaaaaaaaa"),
        ({"build_key": "e" * 64}, "has mlops.build-key eeeeeeeeeeee"),
        ({"build_key": ""}, "has no build key"),
        ({"data_hash": ""}, r"has no label mlops\.data-hash"),
        ({"digest": f"sha256:{'2' * 64}"}, "is not there: push it first"),
    ],
)
def test_another_commits_image_is_not_signed(there, standin, changed, said):
    """Nor one that does not say what it is made of, nor one that is not there."""
    there(**changed)
    with pytest.raises(CannotRun, match=said):
        run()
    assert [] == kept(standin)


def test_no_answer_about_a_signature_is_no_reason_to_sign(there, standin, program):
    """Sigstore may be away."""
    there()
    program("cosign", "import sys; sys.exit('Error: no such host')")
    with pytest.raises(CannotRun, match="cannot be found out"):
        run()


def test_the_token_is_shown_until_it_is_signed(there, standin, monkeypatch):
    """Signature and attestations lie in the registry too."""
    there()
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    for name in registries.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    shown = []
    monkeypatch.setattr(signature, "sign", lambda _: shown.append({*registries.CREDENTIALS} & {*os.environ}))
    run()
    assert [{*registries.CREDENTIALS}] == shown
    assert set() == {*registries.CREDENTIALS} & {*os.environ}


def test_the_provenance_is_slsas(there):
    """Version 1: what was built, of what, by which run of which workflow."""
    made = sign.provenance(there(), RUN | {"GITHUB_EVENT_NAME": "push"})
    assert {"buildDefinition", "runDetails"} == made.keys()
    of = made["buildDefinition"]
    assert "https://actions.github.io/buildtypes/workflow/v1" == of["buildType"]
    workflow = {"ref": "refs/heads/main", "repository": HOME, "path": ".github/workflows/release.yml"}
    assert {"workflow": workflow} == of["externalParameters"]
    assert {"github": {"event_name": "push"}} == of["internalParameters"]
    assert {
        "builder": {"id": f"{HOME}/.github/workflows/image.yml@refs/heads/main"},
        "metadata": {"invocationId": f"{HOME}/actions/runs/7/attempts/2"},
    } == made["runDetails"]


def test_the_provenance_names_commit_model_data_and_base(there):
    """Each by its hash; the base is the Dockerfile's."""
    assert [
        {"uri": f"git+{HOME}@refs/heads/main", "digest": {"gitCommit": COMMIT}},
        {"uri": "models/model.onnx", "digest": {"sha256": MODEL}},
        {"uri": "training data", "digest": {"sha256": DATA}},
        {"uri": "docker://docker.io/library/python:3.12-slim", "digest": {"sha256": BASE}},
    ] == sign.provenance(there(), RUN)["buildDefinition"]["resolvedDependencies"]


@pytest.mark.parametrize("line", ["FROM scratch", "ARG BASE=python:3.12", f"# ARG BASE=python@sha256:{'b' * 64}"])
def test_a_base_without_a_digest_is_left_out(commit, line):
    """A name may mean another image tomorrow."""
    Path("Dockerfile").write_text(f"{line}\n")
    assert [] == sign.base()


@pytest.mark.slow
@needs_images
def test_a_real_image_is_signed_once_with_all_that_belongs_to_it(commit, pushed, cosign, tmp_path, monkeypatch):
    """The second run leaves the registry as it is; both attestations can be verified."""
    for name, value in RUN.items():
        monkeypatch.setenv(name, value)
    image = pushed()
    scanned(image.digest)
    assert 0 == run(image.repository, image.digest)
    assert "" == signature.fault(image)
    blobs = {*(tmp_path / "registry/store").rglob("data")}
    assert 0 == run(image.repository, image.digest)
    assert blobs == {*(tmp_path / "registry/store").rglob("data")}


@pytest.mark.slow
@needs_images
def test_a_real_image_that_another_has_signed_is_signed_by_us_too(commit, pushed, cosign, monkeypatch):
    """Theirs counts for nothing."""
    image = pushed()
    scanned(image.digest)
    monkeypatch.setenv("SIGNER", "theirs")
    signature.sign(image)
    monkeypatch.setenv("SIGNER", "ours")
    assert 0 == run(image.repository, image.digest)
    assert "" == signature.fault(image)

"""An image is taken as released where it is ours and signed; where it cannot be known whether it is, nothing is built."""

import argparse
import os
from pathlib import Path

import pytest

from images_built import needs_images
from mlops.cli import main
from mlops.delivery import plan, signature
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun

NAME, DIGEST = "ghcr.io/acme/model", f"sha256:{'1' * 64}"


@pytest.fixture
def outputs(commit, monkeypatch):
    """A function: repository -> the outputs that the step sets."""
    monkeypatch.setenv("GITHUB_OUTPUT", "../output")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/loans")

    def run(to: str) -> dict[str, str]:
        Path("../output").write_text("")
        parser = argparse.ArgumentParser()
        plan.add_arguments(parser)
        assert 0 == plan.run(parser.parse_args(["--to", to]))
        return dict(line.split("=", 1) for line in Path("../output").read_text().splitlines())

    return run


@pytest.fixture
def edge(labels, monkeypatch):
    """A function: what a registry and cosign answer, without either; an error is raised."""

    def answers(there=None, fault="", **changed) -> None:
        def find(name, reference):
            if isinstance(there, Exception):
                raise there
            return registries.Found(registries.Image(name, there), labels(**changed)) if there else None

        def signed(image):
            if isinstance(fault, Exception):
                raise fault
            return fault

        monkeypatch.setattr(registries, "find", find)
        monkeypatch.setattr(signature, "fault", signed)

    return answers


def test_a_signed_image_of_this_commit_is_released(outputs, edge, capsys):
    """Its digest is the output that lets the build be skipped."""
    edge(DIGEST)
    assert {"repository": NAME, "build_key": build_key(), "digest": DIGEST} == outputs("ghcr.io/Acme/Model")
    assert f"plan: {NAME}@{DIGEST} is of this commit, and signed\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "ghcr.io/acme/model has no image of build key"),
        ({"there": registries.Denied("no")}, "or shows none to this token: one is built"),
        ({"there": DIGEST, "fault": "x is not signed by us"}, "x is not signed by us: one is built"),
        ({"there": DIGEST, "model_hash": "b" * 64}, "has mlops.model-hash bbbbbbbbbbbb, this commit's is aaaaaaaaaaaa"),
        ({"there": DIGEST, "build_key": "b" * 64}, "it is another commit's image: one is built"),
        ({"there": DIGEST, "build_key": ""}, "has no build key"),
    ],
)
def test_where_there_is_no_such_image_one_is_built(outputs, edge, capsys, answers, said):
    """The digest is empty, and the sentence says why."""
    edge(**answers)
    assert {"repository": NAME, "build_key": build_key(), "digest": ""} == outputs(NAME)
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("answers", [{"there": CannotRun("away")}, {"there": DIGEST, "fault": CannotRun("away")}])
def test_no_answer_is_no_reason_to_build(outputs, edge, answers):
    """Neither the registry's nor Sigstore's."""
    edge(**answers)
    with pytest.raises(CannotRun, match="away"):
        outputs(NAME)


def test_the_token_is_shown_while_registry_and_signature_are_asked(outputs, monkeypatch):
    """To read a private package takes it."""
    shown = []
    for name in registries.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    monkeypatch.setattr(
        plan, "released", lambda *_: (shown.append({*registries.CREDENTIALS} & {*os.environ}) or "", "")
    )
    outputs(NAME)
    assert [{*registries.CREDENTIALS}] == shown
    assert set() == {*registries.CREDENTIALS} & {*os.environ}


@pytest.mark.slow
@needs_images
def test_a_real_image_is_released_once_we_have_signed_it(outputs, pushed, cosign, registry, monkeypatch):
    """Absent, unsigned, signed by another, signed by us."""
    assert "" == outputs(f"{registry.host}/acme/model")["digest"]
    image = pushed()
    found = [outputs(image.repository)["digest"]]
    for signer in ("theirs", "ours"):
        monkeypatch.setenv("SIGNER", signer)
        signature.sign(image)
        found.append(outputs(image.repository)["digest"])
    assert ["", "", image.digest] == found


@pytest.mark.slow
@needs_images
def test_a_signed_image_of_another_model_at_our_key_is_not_released(outputs, pushed, cosign, capsys):
    """Whoever may write may set a tag, also to what we have signed once."""
    image = pushed(model_hash="b" * 64)
    signature.sign(image)
    assert "" == outputs(image.repository)["digest"]
    assert "it is another commit's image: one is built" in capsys.readouterr().out


@pytest.mark.slow
@needs_images
def test_a_registry_that_is_away_ends_the_release(commit, registry, capsys, monkeypatch):
    """Exit code 2, and nothing is built; once it is back it is asked again."""
    registry.stop()
    words = ["plan", "--to", f"{registry.host}/acme/model"]
    assert 2 == main(words)
    assert "gives no answer" in capsys.readouterr().err
    registry.start()
    assert 0 == main(words)

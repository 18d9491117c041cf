"""What main is built to is proposed to environments; what it is not built to any more moves nothing back."""

import argparse
import json

import pytest

from copies import unreleased
from github_stub import GitHubStub
from images_built import needs_images
from mlops.delivery import deploy, overlay
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from oci import archive
from remote import Remote, git, pull_requests

pytestmark = [pytest.mark.slow, needs_images]
MODEL = "a" * 64
OVERLAYS = unreleased()
FILES = OVERLAYS | {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "*\n!src\n!metrics.json\n",
    "src/a.py": "1\n",
    "metrics.json": json.dumps({"model_hash": MODEL}),
}


@pytest.fixture
def stub(remote, monkeypatch):
    """The API, named as a workflow step names it."""
    with GitHubStub() as running:
        pull_requests(running, remote.head)
        for name, value in {
            "GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_bot", "GITHUB_API_URL": running.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main, and a checkout of it as working directory."""
    (tmp_path / "git").mkdir()
    made = Remote(tmp_path / "git", FILES)
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture
def released(registry, remote, tmp_path):
    """A function: labels -> (repository, digest) of an image of today's main in the registry."""
    name = f"{registry.host}/acme/model"

    def push(**labels) -> tuple[str, str]:
        said = {"build-key": build_key(), "model-hash": MODEL, "data-hash": "d" * 64} | labels
        path = tmp_path / "image.tar"
        digest = archive(
            path,
            {f"mlops.{key}": value for key, value in said.items()} | {"org.opencontainers.image.revision": "c" * 40},
        )
        registries.copy(str(path), name, digest)
        return name, digest

    return push


def run(repository: str, digest: str, *environments: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    deploy.add_arguments(parser)
    named = [word for name in environments or ("dev", "staging") for word in ("--env", name)]
    return deploy.run(parser.parse_args(["--repository", repository, "--digest", digest, *named]))


def test_two_environments_are_one_pull_request(stub, remote, released):
    """Three changed lines each, and nothing else; prod stays."""
    name, digest = released()
    assert 0 == run(name, digest)
    (pull,) = stub.pulls
    assert "deploy/dev-staging" == pull["head"]["ref"]
    assert f"`{name}@{digest}`" in pull["body"]
    changed = git(remote.bare, "diff", "--numstat", "main", "deploy/dev-staging").splitlines()
    assert [
        "3\t3\tmanifests/overlays/dev/kustomization.yaml",
        "3\t3\tmanifests/overlays/staging/kustomization.yaml",
    ] == changed
    text = remote.text("deploy/dev-staging", overlay.OVERLAY.format("staging"))
    assert overlay.Image(name, digest, MODEL) == overlay.images(text, "o")["champion"]


def test_after_the_merge_there_is_nothing_to_propose(stub, remote, released, capsys):
    """Merging it changes no build key, so no release follows from it."""
    name, digest = released()
    before = build_key()
    run(name, digest)
    git(remote.bare, "update-ref", "refs/heads/main", remote.head("deploy/dev-staging"))
    assert 0 == run(name, digest)
    assert "nothing to propose" in capsys.readouterr().out
    assert before == build_key("origin/main")


def test_an_older_release_that_runs_again_moves_nothing_back(stub, remote, released, capsys):
    """Nor does the first of two merges: main is built to something else by now."""
    name, digest = released()
    remote.merge({"src/a.py": "2\n"})
    assert 0 == run(name, digest)
    assert "nothing is moved back" in capsys.readouterr().out
    assert ("", []) == (remote.head("deploy/dev-staging"), stub.pulls)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"model-hash": "b" * 64}, "says model bbbbbbbbbbbb, main was judged by aaaaaaaaaaaa: do not deploy it"),
        ({"model-hash": ""}, "has no label mlops.model-hash"),
        ({"data-hash": ""}, "has no label mlops.data-hash"),
    ],
)
def test_an_image_of_another_model_is_not_deployed(stub, remote, released, labels, said):
    """Nor one that does not say what it is made of."""
    with pytest.raises(CannotRun, match=said):
        run(*released(**labels))
    assert [] == stub.pulls


def test_what_the_registry_does_not_have_is_not_deployed(stub, remote, released):
    """And an environment that is none is named."""
    name, digest = released()
    with pytest.raises(CannotRun, match="push it first"):
        run(name, f"sha256:{'e' * 64}")
    with pytest.raises(CannotRun, match="there is no environment 'qa': manifests/overlays has dev, prod, staging"):
        run(name, digest, "qa")
    with pytest.raises(CannotRun, match="prod is not deployed to, it is promoted to"):
        run(name, digest, "dev", "prod")

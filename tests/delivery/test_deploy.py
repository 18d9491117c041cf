"""What main is built to is proposed to environments; what it is not built to any more moves nothing back."""

import argparse
import json

import pytest

from copies import SAMPLE, unreleased
from github_stub import GitHubStub
from images_built import needs_images
from mlops.delivery import deploy, overlay, signature
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from mlops.rollout import step
from remote import ASKED, Remote, git, pull_requests

MODEL = "a" * 64
NAME, DIGEST = "ghcr.io/acme/model", f"sha256:{'1' * 64}"
PARAMS = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
AUTO, PAUSED = PARAMS.replace("auto: false", "auto: true"), PARAMS.replace("paused: false", "paused: true")
PERSONS = ASKED | {"enabled_by": {"login": "ann", "type": "User"}}
FILES = unreleased() | {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "*\n!src\n!metrics.json\n",
    ".gitignore": "build/\n",
    "src/a.py": "1\n",
    "metrics.json": json.dumps({"model_hash": MODEL}),
    "params.yaml": PARAMS,
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
        monkeypatch.delenv("APP", raising=False)
        yield running


@pytest.fixture
def app(stub, monkeypatch):
    """The token of an App, which is configured."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_app")
    monkeypatch.setenv("APP", "Iv1.abc")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main, and a checkout of it as working directory."""
    (tmp_path / "git").mkdir()
    made = Remote(tmp_path / "git", FILES)
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture
def edge(remote, labels, monkeypatch):
    """A function: labels -> (repository, digest) of an image of today's main, as registry and cosign would answer."""

    def answers(fault: str = "", **changed: str) -> tuple[str, str]:
        found = registries.Found(registries.Image(NAME, DIGEST), labels(**changed))
        monkeypatch.setattr(registries, "find", lambda name, digest: found if digest == DIGEST else None)
        monkeypatch.setattr(signature, "fault", lambda image: fault)
        return NAME, DIGEST

    return answers


def run(repository: str, digest: str, *environments: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    deploy.add_arguments(parser)
    named = [word for name in environments or ("dev", "staging") for word in ("--env", name)]
    return deploy.run(parser.parse_args(["--repository", repository, "--digest", digest, *named]))


def test_two_environments_are_one_pull_request(stub, remote, edge):
    """Three changed lines each, and nothing else; prod stays."""
    assert 0 == run(*edge())
    (pull,) = stub.pulls
    assert "deploy/dev-staging" == pull["head"]["ref"]
    assert f"`{NAME}@{DIGEST}`" in pull["body"]
    changed = git(remote.bare, "diff", "--numstat", "main", "deploy/dev-staging").splitlines()
    assert [
        "3\t3\tmanifests/overlays/dev/kustomization.yaml",
        "3\t3\tmanifests/overlays/staging/kustomization.yaml",
    ] == changed
    text = remote.text("deploy/dev-staging", overlay.OVERLAY.format("staging"))
    assert overlay.Image(NAME, DIGEST, MODEL) == overlay.images(text, "o")["champion"]


def merged(stub, remote) -> None:
    """A person merges the pull request."""
    git(remote.bare, "update-ref", "refs/heads/main", remote.head("deploy/dev-staging"))
    git(remote.path, "pull", "-q", "origin", "main")
    stub.pulls[0] |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z", "auto_merge": None}


def test_after_the_merge_there_is_nothing_to_propose(stub, remote, edge, capsys):
    """Merging it changes no build key, so no release follows from it."""
    before = build_key()
    run(*edge())
    merged(stub, remote)
    assert 0 == run(NAME, DIGEST)
    assert "nothing to propose" in capsys.readouterr().out
    assert before == build_key("origin/main")


@pytest.mark.parametrize("back", [("dev", "staging"), ("dev",)])
def test_a_person_who_rolls_an_environment_back_is_not_overruled(stub, app, remote, edge, capsys, back):
    """Not by the next daily run of the same image, though staging may merge by itself."""
    remote.merge({"params.yaml": AUTO})
    released, names = edge(), [overlay.OVERLAY.format(each) for each in back]
    before = {name: remote.text("main", name) + "\n" for name in names}
    run(*released)
    merged(stub, remote)
    remote.merge(before, "Roll back: it answers wrongly")
    capsys.readouterr()
    assert 0 == run(*released)
    assert "nothing to propose: #100 was merged and is taken back on main" in capsys.readouterr().out
    assert 1 == len(stub.pulls)


def test_an_older_release_that_runs_again_moves_nothing_back(stub, remote, edge, capsys):
    """Nor does the first of two merges: main is built to something else by now."""
    released = edge()
    remote.merge({"src/a.py": "2\n"})
    assert 0 == run(*released)
    assert "nothing is moved back" in capsys.readouterr().out
    assert ("", []) == (remote.head("deploy/dev-staging"), stub.pulls)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_hash": "b" * 64}, "says model bbbbbbbbbbbb, main was judged by aaaaaaaaaaaa: do not deploy it"),
        ({"model_hash": ""}, "has no label mlops.model-hash"),
        ({"data_hash": ""}, "has no label mlops.data-hash"),
        ({"build_key": ""}, "has no label mlops.build-key"),
        ({"fault": "it is not signed by us"}, "it is not signed by us: nothing is deployed"),
    ],
)
def test_an_image_of_another_model_or_of_somebody_else_is_not_deployed(stub, edge, changed, said):
    """Nor one that does not say what it is made of."""
    with pytest.raises(CannotRun, match=said):
        run(*edge(**changed))
    assert [] == stub.pulls


def test_what_the_registry_does_not_have_is_not_deployed(stub, edge):
    """And an environment that is none is named."""
    edge()
    with pytest.raises(CannotRun, match="push it first"):
        run(NAME, f"sha256:{'e' * 64}")
    with pytest.raises(CannotRun, match="there is no environment 'qa': manifests/overlays has dev, prod, staging"):
        run(NAME, DIGEST, "qa")
    with pytest.raises(CannotRun, match="prod is not deployed to, it is promoted to"):
        run(NAME, DIGEST, "dev", "prod")
    assert [] == stub.pulls


@pytest.mark.parametrize("error", [registries.Denied("gives no answer"), CannotRun("gives no answer")])
def test_what_the_registry_does_not_show_is_not_deployed(stub, edge, monkeypatch, error):
    """`plan` takes a refusal for a first release; here the image must be there."""
    released = edge()

    def find(*_):
        raise error

    monkeypatch.setattr(registries, "find", find)
    with pytest.raises(CannotRun, match="gives no answer"):
        run(*released)
    assert [] == stub.pulls


def test_while_delivery_is_paused_nothing_is_proposed(stub, remote, edge, capsys):
    """Main's params count, not those of the commit that was released: whoever pauses it stops what is on its way."""
    released = edge()
    remote.merge({"params.yaml": PAUSED})
    git(remote.path, "checkout", "-q", "HEAD^")
    assert 0 == run(*released)
    assert "deploy: delivery.paused is true in params.yaml: nothing is proposed\n" == capsys.readouterr().out
    assert ("", []) == (remote.head("deploy/dev-staging"), stub.pulls)
    git(remote.path, "checkout", "-q", "main")
    remote.merge({"params.yaml": PARAMS})
    assert 0 == run(*released)
    assert 1 == len(stub.pulls)


@pytest.mark.parametrize("token", ["ghs_app", "ghs_bot"])
def test_a_pause_stops_what_is_on_its_way(stub, app, remote, edge, capsys, monkeypatch, token):
    """The pull request stays open, without a comment, and does not merge itself any more."""
    remote.merge({"params.yaml": AUTO})
    released = edge()
    run(*released)
    head = remote.head("deploy/dev-staging")
    remote.merge({"params.yaml": AUTO.replace("paused: false", "paused: true"), "src/a.py": "2\n"})
    capsys.readouterr()
    monkeypatch.setenv("GITHUB_TOKEN", token)
    assert 0 == run(*released)
    assert [
        "deploy: delivery.paused is true in params.yaml: #100 does not merge itself any more",
        "deploy: delivery.paused is true in params.yaml: nothing is proposed",
    ] == capsys.readouterr().out.splitlines()
    (pull,) = stub.pulls
    assert ("open", None, {}, head) == (
        pull["state"], pull["auto_merge"], stub.comments, remote.head("deploy/dev-staging"),
    )  # fmt: skip


def test_a_pause_that_github_refuses_is_a_persons_to_end(stub, app, remote, edge, capsys):
    """With GitHub's reason, and what to do."""
    remote.merge({"params.yaml": AUTO})
    released = edge()
    run(*released)
    stub.no_stop = "Resource not accessible by integration"
    remote.merge({"params.yaml": PAUSED})
    assert 0 == run(*released)
    wanted = "#100: GitHub refuses to stop its auto-merge: Resource not accessible by integration: close #100"
    assert f"deploy: delivery.paused is true in params.yaml: {wanted}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("asked", "left"), [(ASKED, None), (PERSONS, PERSONS)])
def test_staging_that_is_automatic_no_more_merges_by_nobodys_wish_but_a_persons(stub, app, remote, edge, asked, left):
    """Before anything newer is pushed, which would merge itself; what a person has asked GitHub for stays."""
    remote.merge({"params.yaml": AUTO})
    released = edge()
    run(*released)
    stub.pulls[0]["auto_merge"] = asked
    remote.merge({"params.yaml": PARAMS})
    before = len(stub.log)
    assert 0 == run(*released)
    assert (left, "open") == (stub.pulls[0]["auto_merge"], stub.pulls[0]["state"])
    assert (left is None) == ("POST /graphql" in stub.calls()[before:])


def test_params_that_an_older_release_does_not_know_are_mains_own_to_read(stub, remote, edge, capsys):
    """The older one stops nothing and proposes nothing; main's own release says what is wrong with them."""
    released = edge()
    main = remote.merge({"params.yaml": PARAMS.replace("paused: false", "paused: false\n  new: 1")})
    git(remote.path, "checkout", "-q", "HEAD^")
    assert 0 == run(*released)
    said = f"deploy: params.yaml of main ({main[:8]}) is newer than this release: main's own release proposes\n"
    assert said == capsys.readouterr().out
    git(remote.path, "checkout", "-q", "main")
    with pytest.raises(CannotRun, match="params.yaml: unknown key 'delivery.new'"):
        run(*released)
    assert ("", []) == (remote.head("deploy/dev-staging"), stub.pulls)


def test_a_jobs_own_token_dispatches_the_checks(stub, remote, edge):
    """GitHub starts none for it."""
    run(*edge())
    assert [("pull-request.yml", "deploy/dev-staging")] == stub.dispatched


def test_an_apps_pull_request_starts_its_checks_itself(stub, app, edge):
    """Nothing is dispatched, and as long as nothing else is said a person merges."""
    run(*edge())
    assert ([], None) == (stub.dispatched, stub.pulls[0]["auto_merge"])


def test_with_an_app_staging_may_merge_by_itself(stub, app, remote, edge, capsys):
    """Where params.yaml says so: GitHub does it once its checks are green."""
    remote.merge({"params.yaml": AUTO})
    run(*edge())
    assert ASKED == stub.pulls[0]["auto_merge"]
    assert "GitHub merges it once every rule of main holds\n" in capsys.readouterr().out


def test_without_an_app_it_waits_for_a_person(stub, remote, edge, capsys):
    """And says so: the job's own token may not merge what it has proposed."""
    remote.merge({"params.yaml": AUTO})
    run(*edge())
    assert stub.pulls[0]["auto_merge"] is None
    assert "; delivery.staging.auto needs an App, which is not configured\n" in capsys.readouterr().out


@pytest.mark.slow
@needs_images
def test_a_real_image_is_deployed_once_we_have_signed_it(stub, remote, pushed, cosign, registry, monkeypatch):
    """Not unsigned, not signed by another, not from a registry that is away."""
    image = pushed()
    for signer in ("", "theirs"):
        if signer:
            monkeypatch.setenv("SIGNER", signer)
            signature.sign(image)
        with pytest.raises(CannotRun, match="is not signed by .*: nothing is deployed"):
            run(image.repository, image.digest)
    monkeypatch.setenv("SIGNER", "ours")
    signature.sign(image)
    registry.stop()
    with pytest.raises(CannotRun, match="gives no answer"):
        run(image.repository, image.digest)
    assert [] == stub.pulls
    registry.start()
    assert 0 == run(image.repository, image.digest)
    text = remote.text("deploy/dev-staging", overlay.OVERLAY.format("dev"))
    assert overlay.Image(image.repository, image.digest, MODEL) == overlay.images(text, "o")["champion"]


STAGING = overlay.OVERLAY.format("staging")


def staging(remote, change) -> None:
    """Put another overlay of staging on main."""
    remote.merge({STAGING: change(remote.text("main", STAGING) + "\n")})


def test_an_image_that_an_environment_has_rejected_is_not_proposed_to_it(stub, remote, edge, capsys):
    """To the others it is."""
    image = overlay.Image(NAME, DIGEST, MODEL)
    released = edge()
    staging(
        remote, lambda text: step.rolled_back(step.promoted(text, STAGING, "shadow", image, "a test"), STAGING, "wrong")
    )
    assert 0 == run(*released)
    assert f"staging has rejected {'1' * 12}" in capsys.readouterr().out
    changed = git(remote.bare, "diff", "--name-only", "main", "deploy/dev-staging").splitlines()
    assert [overlay.OVERLAY.format("dev")] == changed


def test_an_environment_whose_canary_is_open_keeps_its_champion(stub, remote, edge, capsys):
    """It would be compared with another one half way; where none is left nothing is proposed."""
    other = overlay.Image(NAME, f"sha256:{'2' * 64}", MODEL)
    released = edge()
    staging(remote, lambda text: step.promoted(text, STAGING, "canary-05", other, "a test"))
    assert 0 == run(*released, "staging")
    assert "staging is at canary-05, and keeps its champion until that ends" in capsys.readouterr().out
    assert [] == stub.pulls

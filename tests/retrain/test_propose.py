"""A retrain is one pull request: what main needs to be that model, and prod's overlay at its first step."""

import os
import sys
from dataclasses import replace

import pytest

import rollout_cases
from copies import ROOT
from images_built import needs_images
from mlops.cli import main as mlops
from mlops.delivery import overlay, signature
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from mlops.paths import DRIFT_REPORT, RETRAIN_REPORT
from mlops.retrain import made, propose
from mlops.rollout import step
from oci import archive
from remote import git
from retrain_cases import NEW, PAUSED, REPORTS, TITLE, files
from retrain_cases import made as challenger
from rollout_cases import NAME as PROD
from rollout_cases import REPOSITORY, STABLE, THIRD

BRANCH = "retrain/prod"
DIGEST = f"sha256:{'1' * 64}"
ELSEWHERE = "registry.example.com/acme/model"


@pytest.fixture(autouse=True)
def _stub(stub, monkeypatch):
    """The API; whoever runs the tests may have a token."""
    monkeypatch.delenv("REGISTRY_TOKEN", raising=False)


@pytest.fixture
def released(remote, monkeypatch):
    """A function: what is different -> the challenger is here, and its image as registry and cosign would answer."""

    def answers(name: str = REPOSITORY, fault: str = "", public: bool = True, labels=(), **changed) -> made.Made:
        given = challenger(remote, **changed)
        made.write(given)
        said = {"mlops.model-hash": given.model_hash, "mlops.build-key": build_key(given.tree())} | dict(labels)
        found = registries.Found(registries.Image(name, DIGEST), said)

        def find(_, digest):
            if not public and not os.environ.get("REGISTRY_AUTH_FILE"):
                raise registries.Denied("gives no answer")
            return found if digest == DIGEST else None

        monkeypatch.setattr(registries, "find", find)
        monkeypatch.setattr(signature, "fault", lambda image: fault)
        return given

    return answers


def run(repository: str = REPOSITORY, digest: str = DIGEST) -> int:
    """Run the verb."""
    return mlops(["propose", "--repository", repository, "--digest", digest])


def changed(remote) -> list[str]:
    """The files that the branch changes."""
    return git(remote.bare, "diff", "--name-only", "main", BRANCH).splitlines()


def test_a_retrain_is_one_pull_request(stub, remote, released, outputs):
    """The challenger's files, and prod at its first step with the challenger's digest and model; its champion stays."""
    released()
    assert 0 == run()
    (pull,) = stub.pulls
    assert (BRANCH, "main", TITLE) == (pull["head"]["ref"], pull["base"]["ref"], pull["title"])
    assert {"said": f"#100 proposes: {TITLE}"} == outputs()
    assert sorted([*files(), PROD]) == sorted(changed(remote))
    assert {name: text.strip() for name, text in files().items()} == {
        name: remote.text(BRANCH, name) for name in files()
    }
    text = remote.text(BRANCH, PROD)
    images = overlay.images(text, PROD)
    assert ("shadow", registries.Image(REPOSITORY, DIGEST, NEW)) == (step.current(text, PROD), images["challenger"])
    assert f"challenger-model: {NEW}" in text
    assert overlay.images(STABLE, PROD)["champion"] == images["champion"]
    assert remote.head("main") == git(remote.bare, "rev-parse", f"{BRANCH}^")


def test_the_same_again_is_the_same_pull_request(stub, remote, released, outputs):
    """No push, no second one."""
    released()
    run()
    before = remote.head(BRANCH)
    outputs()
    assert (0, before, 1) == (run(), remote.head(BRANCH), len(stub.pulls))
    assert {"said": f"#100 still proposes: {TITLE}"} == outputs()


def test_another_challenger_takes_its_place(stub, remote, released):
    """The number stays, and the branch is made anew."""
    released()
    run()
    other = "e" * 64
    released(model_hash=other, title="Retrain again", files=files(other))
    assert 0 == run()
    assert ["Retrain again"] == [each["title"] for each in stub.pulls]
    assert other == overlay.images(remote.text(BRANCH, PROD), PROD)["challenger"].model


def test_the_body_says_what_people_decide_by(stub, released):
    """Old against new, what the canary will do, how to say no, and what has drifted: in this order."""
    released()
    run()
    body = stub.pulls[0]["body"]
    parts = [
        REPORTS[RETRAIN_REPORT].strip(), "## What the canary will do", "Merging begins prod's canary at shadow",
        "| shadow | 1,000 | 1 |", "| canary-50 | 10,000 | 24 |", "## How to say no", "make accept-drift", "make rollback",
        REPORTS[DRIFT_REPORT].strip(),
    ]  # fmt: skip
    places = [body.find(part) for part in parts]
    assert (True, sorted(places)) == (-1 not in places, places)


def test_what_its_own_params_ask_of_a_step_is_said(stub, remote, released):
    """They are main's."""
    params = rollout_cases.PARAMS.replace(
        "canary-50: {requests: 10000, hours: 24}", "canary-50: {requests: 7, hours: 0.5}"
    )
    remote.merge({"params.yaml": params})
    released(files=files(params=params))
    run()
    assert "| canary-50 | 7 | 0.5 |" in stub.pulls[0]["body"]


def test_the_body_is_never_longer_than_github_takes(stub, released):
    """What is for people to decide by comes first, and stays."""
    released(reports=REPORTS | {DRIFT_REPORT: "d" * 70_000})
    run()
    body = stub.pulls[0]["body"]
    assert (propose.LONGEST, True) == (len(body), "## How to say no" in body)
    assert propose.LONGEST < 65_536


NOTHING = rollout_cases.EMPTY
OPEN = rollout_cases.at("canary-05", THIRD)
REJECTED = step.rolled_back(rollout_cases.at("shadow", registries.Image(REPOSITORY, DIGEST, NEW)), PROD, "wrong")


@pytest.mark.parametrize(
    ("prod", "said"),
    [
        (NOTHING, "prod serves nothing yet: merge, let release.yml build, and promote it by hand."),
        (OPEN, "prod is at canary-05 with another challenger, which stays; promote this one when that has ended."),
        (REJECTED, f"prod has rejected `{DIGEST}` once: its canary does not begin by itself."),
    ],
    ids=["nothing", "open", "rejected"],
)
def test_where_prod_cannot_begin_a_canary_its_overlay_stays(stub, remote, released, prod, said):
    """The model comes to main all the same, and the body says why it goes no further."""
    remote.merge({PROD: prod})
    released()
    assert 0 == run()
    assert sorted(files()) == changed(remote)
    body = stub.pulls[0]["body"]
    assert (True, False) == (f"## What the canary will do\n\n{said}\n\n" in body, "Merging begins" in body)


def test_where_the_checks_cannot_read_the_image_prods_overlay_stays(stub, remote, released, monkeypatch):
    """Its registry shows it to this job's token alone, and no check of a pull request has that."""
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    released(ELSEWHERE, public=False)
    assert 0 == run(ELSEWHERE)
    assert sorted(files()) == changed(remote)
    assert f"The checks of a pull request may not read {ELSEWHERE}" in stub.pulls[0]["body"]


@pytest.mark.parametrize(("name", "public"), [(ELSEWHERE, True), (REPOSITORY, False)])
def test_where_they_can_the_canary_is_proposed(remote, released, monkeypatch, name, public):
    """A registry that asks for no token, or GitHub's own, which takes the checks' token."""
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    released(name, public=public)
    assert 0 == run(name)
    assert name == overlay.images(remote.text(BRANCH, PROD), PROD)["challenger"].repository


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"labels": {"mlops.model-hash": "b" * 64}}, f"has model-hash bbbbbbbbbbbb, the challenger's is {NEW[:12]}"),
        ({"labels": {"mlops.build-key": "b" * 64}}, "has build-key bbbbbbbbbbbb, the challenger's is"),
        ({"labels": {"mlops.model-hash": ""}}, "has no label mlops.model-hash"),
        ({"labels": {"mlops.build-key": ""}}, "has no label mlops.build-key"),
        ({"fault": "it is not signed by us"}, "it is not signed by us: nothing is deployed"),
    ],
)
def test_an_image_that_is_not_the_challengers_own_is_refused(stub, remote, released, capsys, different, said):
    """It ends with 2, and nothing is pushed."""
    released(**different)
    assert 2 == run()
    assert said in capsys.readouterr().err
    assert ("", []) == (remote.head(BRANCH), stub.pulls)


def test_an_image_of_main_is_not_the_challengers(stub, remote, released, capsys):
    """Its build key is of other files."""
    released(labels={"mlops.build-key": build_key()})
    assert 2 == run()
    assert "has build-key" in capsys.readouterr().err
    assert ("", []) == (remote.head(BRANCH), stub.pulls)


def test_an_image_that_is_not_there_is_refused(stub, remote, released, capsys):
    """And so is a name that is no registry's."""
    released()
    assert (2, 2) == (run(digest=f"sha256:{'2' * 64}"), run("acme/model"))
    error = capsys.readouterr().err
    assert "push it first" in error
    assert "'acme/model' is no repository of a registry" in error
    assert ("", []) == (remote.head(BRANCH), stub.pulls)


def test_a_persons_commit_on_the_branch_stays(stub, remote, released, outputs):
    """It gets a comment, and no push."""
    released()
    run()
    theirs, other = remote.commit(BRANCH, {"src/a.py": "2\n"}), "e" * 64
    released(model_hash=other, title="Retrain again", files=files(other))
    outputs()
    assert (0, theirs) == (run(), remote.head(BRANCH))
    assert "has a commit of a person's, so it is not pushed to" in outputs()["said"]
    (comment,) = stub.comments[100]
    assert "What the bot would propose now: Retrain again" in comment["body"]


def test_what_a_person_has_closed_is_not_proposed_again(stub, remote, released, outputs):
    """Not for this model, also when it is made on the next day's main; another one is."""
    released()
    run()
    stub.pulls[0]["state"] = "closed"
    before = remote.head(BRANCH)
    remote.merge({"README.md": "new\n"})
    released()
    outputs()
    assert (0, before, 1) == (run(), remote.head(BRANCH), len(stub.pulls))
    assert "#100 proposed this and was closed unmerged: reopen it" in outputs()["said"]
    other = "e" * 64
    released(model_hash=other, title=TITLE.replace(NEW[:12], other[:12]), files=files(other))
    assert (0, 2) == (run(), len(stub.pulls))


def test_where_main_has_moved_on_nothing_is_proposed(stub, remote, released, outputs):
    """The image is not even looked at; what was said is an output for the day's line."""
    given = released(fault="it is not signed by us")
    main = remote.merge({"README.md": "new\n"})
    assert (0, "", []) == (run(), remote.head(BRANCH), stub.pulls)
    wanted = f"main is at {main[:12]} by now, and this is made on {given.main[:12]}: the next run retrains"
    assert {"said": wanted} == outputs()


def test_where_main_has_moved_on_in_what_no_image_is_made_of_it_is_proposed_onto_that(stub, remote, released):
    """A deployment to staging, say: its change stays."""
    released()
    main = remote.merge({rollout_cases.STAGING: remote.text("main", rollout_cases.STAGING) + "\n# a comment\n"})
    assert (0, 1) == (run(), len(stub.pulls))
    assert main == git(remote.bare, "rev-parse", f"{BRANCH}^")
    assert sorted([*files(), PROD]) == sorted(changed(remote))


def test_while_delivery_is_paused_nothing_is_proposed(stub, remote, released, outputs):
    """Main's params count."""
    remote.merge({"params.yaml": PAUSED})
    released(files=files(params=PAUSED))
    assert (0, "", []) == (run(), remote.head(BRANCH), stub.pulls)
    assert {"said": "delivery.paused is true in params.yaml: nothing is proposed"} == outputs()


def test_without_a_retrain_there_is_nothing_to_propose(stub, remote, released, capsys):
    """It could not run."""
    released()
    (remote.path / "build/retrain/about.json").unlink()
    assert 2 == run()
    assert "build/retrain/about.json is not there: run `mlops retrain` first" in capsys.readouterr().err
    assert [] == stub.pulls


@pytest.mark.parametrize(("app", "started"), [("", [("pull-request.yml", BRANCH)]), ("Iv1.abc", [])])
def test_its_checks_are_started_where_github_does_not(stub, released, monkeypatch, app, started):
    """For a job's own token; an App's pull request starts them itself."""
    monkeypatch.setenv("APP", app)
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_app" if app else "ghs_bot")
    released()
    assert (0, started) == (run(), stub.dispatched)
    assert stub.pulls[0]["auto_merge"] is None


@pytest.mark.slow
@needs_images
def test_a_real_image_is_proposed_once_we_have_signed_it(stub, remote, registry, tmp_path, monkeypatch, capsys):
    """Not unsigned, not from a registry that is away, and not one of another challenger."""
    given, name = challenger(remote), f"{registry.host}/acme/model"
    made.write(given)
    labels = {"mlops.model-hash": NEW, "mlops.build-key": build_key(given.tree())}
    digest = archive(tmp_path / "image.tar", labels)
    registries.copy(str(tmp_path / "image.tar"), name, digest)
    cosign(tmp_path, monkeypatch)
    assert 2 == run(name, digest)
    assert "is not signed by" in capsys.readouterr().err
    signature.sign(registries.Image(name, digest))
    registry.stop()
    assert 2 == run(name, digest)
    assert "gives no answer" in capsys.readouterr().err
    registry.start()
    made.write(replace(given, model_hash="e" * 64, files=files("e" * 64)))
    assert 2 == run(name, digest)
    assert ("", []) == (remote.head(BRANCH), stub.pulls)
    made.write(given)
    assert 0 == run(name, digest)
    text = remote.text(BRANCH, PROD)
    assert registries.Image(name, digest, NEW) == overlay.images(text, PROD)["challenger"]


def cosign(folder, monkeypatch) -> None:
    """Put the stand-in of cosign, as the workflows' tests have it, before any other."""
    (folder / "bin").mkdir()
    (folder / "caches").mkdir()
    text = (ROOT / "tests/workflows/actions/cosign/cosign").read_text()
    (folder / "bin/cosign").write_text(f"#!{sys.executable}\n{text}")
    (folder / "bin/cosign").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN_STORE", str(folder))
    monkeypatch.setattr(signature, "AGAIN", (0, 0))


@pytest.mark.parametrize("error", [registries.Denied("gives no answer"), CannotRun("gives no answer")])
def test_a_registry_that_does_not_answer_proposes_nothing(stub, remote, released, monkeypatch, capsys, error):
    """Whether there is such an image is not known."""
    released()

    def find(*_):
        raise error

    monkeypatch.setattr(registries, "find", find)
    assert 2 == run()
    assert "gives no answer" in capsys.readouterr().err
    assert ("", []) == (remote.head(BRANCH), stub.pulls)

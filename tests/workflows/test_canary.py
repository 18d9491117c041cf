"""promote.yml and guard.yml, really run: a challenger's way from staging to prod, refusals, alarms, rollbacks, and runs that died.

One story on one main: each part begins where the one before has ended. A source of figures is a real prediction log.
"""

import json

import pytest
import yaml

from github_stub import Fault
from images_built import needs_images
from mlops.delivery import overlay
from mlops.rollout import step
from workflows.act import commit, edit, git
from workflows.canary import FILE, MODELS, SIGNER, Canary, canary, log

pytestmark = [pytest.mark.slow, needs_images]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The whole of it."""
    with canary(tmp_path_factory.mktemp("hub")) as told:
        play(told)
        yield told


def play(story: Canary) -> None:
    """Every part, in its order."""
    hub, main = story.hub, story.main
    first, second = story.first, story.second = story.push("first"), story.push("second")
    story.serve("staging", "first", first)
    story.serve("prod", "first", first)
    judged = json.loads((main / "metrics.json").read_text())["model_hash"]
    edit(main, "metrics.json", judged, MODELS["second"])
    edit(main, "params.yaml", "start: 2023-07", "start: 2023-08")
    for name, requests, hours in (("shadow", 1000, 1), ("canary-01", 500, 1), ("canary-25", 5000, 12)):
        edit(
            main,
            "params.yaml",
            f"{name}: {{requests: {requests}, hours: {hours}}}",
            f"{name}: {{requests: 1, hours: 0}}",
        )
    story.retrain = commit(main, "Retrain (#9)")
    git(main, "push", "-q", "origin", "main")
    story.serve("staging", "second", second)

    story.sign(first)
    story.promote("not signed")
    story.sign(first, second)
    hub.faults.append(Fault("POST .*/pulls$", 500))
    story.promote("died before its pull request")
    story.promote("shadow")
    story.promote("shadow, twice at once")
    story.shadow = dict(story.open()["promote/prod"])
    story.merge("promote/prod", "Promote prod to shadow")
    story.promote("no source")
    story.promote("a step is skipped", "canary-25", reason="in a hurry")
    story.promote("attested", reason="scores look alike")
    story.merge("promote/prod", "Promote prod to canary-01")
    file = story.repository.folder / "log.db"
    story.promote("forced", "canary-25", force="a holiday sale begins", reason="scores look alike")
    story.merge("promote/prod", "Promote prod to canary-25")

    source = {"PREDICTION_LOG_URL": log(file, failing=False)}
    story.schedule("quiet", secrets=source)
    story.quiet = (dict(story.open()), list(hub.issues))
    story.schedule("blind", secrets={"PREDICTION_LOG_URL": "sqlite:////nowhere/log.db"})
    story.schedule("nobody looks", "47 3 * * *")
    source = {"PREDICTION_LOG_URL": log(file, failing=True)}
    story.promote("the next one", reason="before the alarm")  # open while the alarm comes
    hub.faults.append(Fault("POST .*/issues$", 500))
    story.schedule("breach", secrets=source)
    story.breach = {branch: dict(each) for branch, each in story.open().items()}
    story.promote("while a rollback is open", reason="I do not look")
    story.change(FILE.format("staging"), "rollout/stable", "rollout/none")
    story.schedule("breach, run again, and blind elsewhere", secrets=source)
    story.change(FILE.format("staging"), "rollout/none", "rollout/stable")
    hub.green = True
    story.alert("an alert, and no review", "ChallengerFailover: 5 % of requests", app=True)
    story.waits = {branch: dict(each) for branch, each in story.open().items()}
    hub.bypass = True
    story.alert("an alert", "ChallengerFailover: 5 % of requests", app=True)
    story.alert("an alert that comes late", "ChallengerFailover: 5 % of requests", app=True)
    hub.green = hub.bypass = False
    story.promote("what was rejected", reason="again")
    story.promote("a second rollback", "rollback", reason="again")
    story.merge("revert/" + MODELS["second"][:12], "Take back model")
    story.run("of a branch", "guard.yml", "workflow_dispatch", {"ref": "refs/heads/feature"})
    story.run(
        "promote of a branch", "promote.yml", "workflow_dispatch",
        {"ref": "refs/heads/feature", "inputs": {"environment": "prod", "step": "full", "reason": "", "force": "x", "digest": ""}},
    )  # fmt: skip


def test_an_image_that_our_release_has_not_signed_is_not_promoted(story):
    """Nothing is proposed."""
    done = story.parts["not signed"]
    assert "failure" == done.jobs["promote"]
    assert f"is not signed by {SIGNER}: nothing is promoted" in done.said("promote")


def test_a_run_that_died_before_its_pull_request_is_mended_by_the_next(story):
    """One pull request, however often it was asked for; its checks are started once."""
    assert ["failure", "success", "success"] == [
        story.parts[part].jobs["promote"]
        for part in ("died before its pull request", "shadow", "shadow, twice at once")
    ]
    assert f"Promote prod to shadow: {story.second[7:19]}" == story.shadow["title"]
    assert "still proposes" in story.parts["shadow, twice at once"].said("promote")
    assert ("pull-request.yml", "promote/prod") == story.hub.dispatched[0]


def test_a_step_needs_evidence_or_a_persons_word(story):
    """Without a source of figures what a person saw is kept in git, and nothing else will do."""
    assert "failure" == story.parts["no source"].jobs["promote"]
    assert "say what you saw with ATTEST=" in story.parts["no source"].said("promote")
    texts = git(story.bare, "log", "--format=%H", "main", "--", FILE.format("prod")).split()
    said = [step.evidence(git(story.bare, "show", f"{each}:{FILE.format('prod')}"), "prod") for each in texts]
    assert "to canary-01; attested: scores look alike" in said
    assert "to canary-25; forced: a holiday sale begins; attested: scores look alike" in said


def test_a_step_is_not_skipped_in_silence(story):
    """A reason is asked for."""
    assert "failure" == story.parts["a step is skipped"].jobs["promote"]
    assert "canary-01 comes before canary-25" in story.parts["a step is skipped"].said("promote")


def test_where_nothing_is_wrong_the_guard_says_nothing(story):
    """No pull request, no ticket; what changes things does not even run."""
    assert {"look": "success"} == story.parts["quiet"].jobs
    assert ({}, []) == story.quiet


def test_a_source_that_gives_no_answer_is_a_failure_with_a_ticket(story):
    """None that is named is said once, and neutral."""
    assert "failure" == story.parts["blind"].jobs["look"]
    assert "blind: prod: PREDICTION_LOG_URL names" in story.parts["blind"].said("look")
    assert "closed" == next(each["state"] for each in story.hub.issues if each["title"] == "guard failed")
    assert "success" == story.parts["nobody looks"].jobs["look"]
    assert "not configured" in story.parts["nobody looks"].said("look")


def test_a_breach_is_two_pull_requests_and_a_ticket(story):
    """One takes the challenger back, the other its model off main; the promotion that was open is closed."""
    assert {"rollback/prod", f"revert/{MODELS['second'][:12]}"} == story.breach.keys()
    body = story.breach["rollback/prod"]["body"]
    assert "the challenger answered none of 500 requests" in body
    assert "Please look: @" in body
    text = story.prod("rollback/prod") if story.at() != "stable" else story.prod()
    assert "stable" == step.current(text, "prod")
    assert [story.second] == step.rejected(text, "prod")
    closed = [each for each in story.hub.pulls if each["title"].startswith("Outdated: Promote prod to canary-50")]
    assert 1 == len(closed)


def test_a_run_that_died_before_its_ticket_is_mended_by_the_next(story):
    """The same pull requests, and one ticket with the figures; that another environment cannot be looked at stops none of it."""
    again = story.parts["breach, run again, and blind elsewhere"]
    assert ["failure", "success"] == [done.jobs["ticket"] for done in (story.parts["breach"], again)]
    assert ("failure", "success", "success") == tuple(again.jobs[job] for job in ("look", "rollback", "revert"))
    assert "blind: staging: " in again.said("look")
    about = [each for each in story.hub.issues if each["title"].startswith("prod: challenger")]
    assert 1 == len(about)
    assert "the challenger answered none of" in about[0]["body"]


def test_nothing_is_promoted_while_a_rollback_is_open(story):
    """Merge or close it first."""
    done = story.parts["while a rollback is open"]
    assert "failure" == done.jobs["promote"]
    assert "rolls prod back: merge or close it first" in done.said("promote")


def test_an_app_that_may_merges_the_rollback_itself(story):
    """Where a review is asked of it, the pull request is green and waits; later alerts change nothing more."""
    assert "is green and waits for a person: At least 1 approving review" in story.parts[
        "an alert, and no review"
    ].said("rollback")
    assert "rollback/prod" in story.waits
    assert "is merged" in story.parts["an alert"].said("rollback")
    assert "stable" == story.at()
    assert [story.second] == step.rejected(story.prod(), "prod")
    assert story.first == overlay.images(story.prod(), "prod")["champion"].digest
    assert {"look": "success", "ticket": "success"} == story.parts["an alert that comes late"].jobs


def test_a_second_rollback_takes_nothing_that_is_good(story):
    """The champion is given up by its name alone."""
    done = story.parts["a second rollback"]
    assert {"rollback": "failure"} == done.jobs
    assert f"to give its champion up, name it: DIGEST={story.first}" in done.said("rollback")


def test_what_was_rolled_back_is_not_promoted_again(story):
    """Its digest is in the overlay."""
    done = story.parts["what was rejected"]
    assert "failure" == done.jobs["promote"]
    assert f"has rejected {story.second}" in done.said("promote")


def test_the_revert_takes_params_and_metrics_back_and_leaves_the_environments(story):
    """Main's model is the one before; the overlays stay as the rollback left them."""
    metrics = json.loads(git(story.bare, "show", "main:metrics.json"))
    before = json.loads(git(story.bare, "show", f"{story.retrain}^:metrics.json"))
    assert before == metrics
    params = yaml.safe_load(git(story.bare, "show", "main:params.yaml"))
    assert "2023-07" == params["data"]["window"]["start"]
    assert ("stable", [story.second]) == (story.at(), step.rejected(story.prod(), "prod"))


def test_no_other_branch_moves_an_environment(story):
    """Every job of it is skipped."""
    assert {} == story.parts["of a branch"].jobs
    assert {} == story.parts["promote of a branch"].jobs

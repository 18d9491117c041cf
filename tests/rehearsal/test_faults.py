"""What goes wrong around the loop: a runner that is killed, a registry or an API that refuses, two schedules at once.

Each ends in the right state when it is run again. The fork's hostile pull request is played in ../workflows/test_pull_request.py:
`hostile` has a title and a branch to be run, code that looks for tokens, and an artifact that lies.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from github_stub import Fault
from images_built import needs_images
from mlops.rollout import step
from workflows.act import edit, git, killed
from workflows.canary import FILE, Canary, canary, log

pytestmark = [pytest.mark.slow, needs_images]
PULLS = "POST .*/pulls$"
QUICK = {
    "shadow: {requests: 1000, hours: 1}": "shadow: {requests: 1, hours: 0}",
    "canary-01: {requests: 500, hours: 1}": "canary-01: {requests: 1, hours: 0}",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Prod serves the first model, staging the second."""
    with canary(tmp_path_factory.mktemp("hub")) as told:
        first, second = told.push("first"), told.push("second")
        told.second = second
        for old, new in QUICK.items():
            edit(told.main, "params.yaml", old, new)
        told.serve("prod", "first", first)
        told.serve("staging", "second", second)
        told.sign(first, second)
        yield told


def proposed(story: Canary) -> list[str]:
    """The branches of all pull requests that were ever opened for prod's steps."""
    return [each["head"]["ref"] for each in story.hub.pulls]


def test_a_runner_that_is_killed_before_its_pull_request_is_mended_by_the_next(story):
    """The branch is pushed and the machine gone; the next run opens one pull request for it."""
    runner = []
    story.hub.faults.append(Fault(PULLS, 500, meanwhile=lambda: killed(runner[0])))
    story.promote("killed", started=runner.append)
    assert "promote" not in story.parts["killed"].jobs
    assert "promote/prod" in git(story.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert [] == proposed(story)
    story.promote("after it")
    assert {"promote": "success"} == story.parts["after it"].jobs
    assert ["promote/prod"] == proposed(story)
    assert ("pull-request.yml", "promote/prod") in story.hub.dispatched


def test_a_registry_that_gives_no_answer_moves_nothing(story):
    """The step that was proposed stays as it was; when the registry is back, so is the next one."""
    story.merge("promote/prod", "Promote prod to shadow")
    story.registry.stop()
    refused = story.promote("no registry", reason="scores look alike")
    story.registry.start()
    assert {"promote": "failure"} == refused.jobs
    assert story.registry.host in refused.said("promote")
    assert {} == story.open()
    again = story.promote("registry is back", reason="scores look alike")
    assert {"promote": "success"} == again.jobs
    assert "Promote prod to canary-01" in story.open()["promote/prod"]["title"]


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        (Fault("GET .*/pulls$", 502, times=2), "success"),
        (Fault("PATCH .*/pulls/", 429, headers={"Retry-After": "1"}), "success"),
        (Fault("GET .*/pulls$", 403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}), "failure"),
        (Fault("GET .*/pulls$", 403), "failure"),
        (Fault("GET .*/pulls$", 502, times=9), "failure"),
    ],
    ids=["502 that passes", "a rate limit of a second", "a rate limit of hours", "403", "502 that stays"],
)  # fmt: skip
def test_an_api_that_refuses_changes_nothing_and_the_next_run_ends_it(story, fault, ends):
    """What passes in a minute is waited for; what does not is a sentence, and the pull request stays one."""
    before = fault.times
    story.hub.faults.append(fault)
    done = story.promote(f"{fault.status} {before}", reason=f"scores look alike at {fault.status} {before}")
    story.hub.faults.remove(fault)
    assert fault.times < before
    assert {"promote": ends} == done.jobs, done.said("promote")
    assert ends == "success" or "mlops promote: " in done.said("promote")
    assert {"promote": "success"} == story.promote("again", reason="scores look alike").jobs
    assert ["promote/prod"] == [*story.open()]


def test_two_schedules_at_once_roll_back_once(story):
    """GitHub lets one wait for the other; where both ran all the same there is one rollback, and one ticket."""
    story.merge("promote/prod", "Promote prod to canary-01")
    source = {"PREDICTION_LOG_URL": log(story.repository.folder / "log.db", failing=True)}
    trees = [story.branch(f"schedule-{place}", "main") for place in range(2)]
    with ThreadPoolExecutor() as both:
        runs = [both.submit(story.schedule, f"of {tree.name}", tree=tree, secrets=source) for tree in trees]
        found = [run.result() for run in runs]
    assert any(done.jobs and "failure" not in done.jobs.values() for done in found), [done.jobs for done in found]
    story.schedule("afterwards", secrets=source)
    assert "failure" not in story.parts["afterwards"].jobs.values()
    assert 1 == proposed(story).count("rollback/prod")
    assert 1 == sum(each["title"].startswith("prod: ") and each["state"] == "open" for each in story.hub.issues)
    text = story.prod("rollback/prod")
    assert ("stable", [story.second]) == (step.current(text, FILE), step.rejected(text, FILE))

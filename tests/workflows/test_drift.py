"""drift.yml and retrain.yml, really run: from quiet months to a pull request with its canary's first step, refusals, and runs that died.

One story on one main: each part begins where the one before has ended. The image of a challenger is really built, and lies in a real registry.
"""

import json
from dataclasses import dataclass

import pytest

from chat import Chat, listening
from github_stub import Fault, GitHubStub
from images_built import needs_images
from mlops.delivery import overlay, registry
from mlops.delivery.build_key import build_key
from mlops.rollout import step
from oci import archive
from registry import Registry
from remote import pull_requests
from tickets import artifacts, issues
from workflows.act import NAME, TOKEN, Done, Story, commit, edit, git, on_base
from workflows.endpoints import known

pytestmark = [pytest.mark.slow, needs_images]
PROD = "manifests/overlays/prod/kustomization.yaml"
NOW = "2026-11-22"
FEW_TESTS = {"PYTEST_ADDOPTS": "tests/test_needs.py"}  # the job `test` runs in full in .ci/run


@dataclass
class Days(Story):
    """What drift.yml does day by day, and the chat that hears of it."""

    chat: Chat

    def run(self, part: str, workflow: str, event: str, payload: dict, tree=None, secrets=None, **more) -> Done:
        """Run a workflow."""
        given = {"GITHUB_API_URL": self.hub.url, **self.registry.variables, **FEW_TESTS}
        until = {"until": more["until"]} if "until" in more else {}
        named = {"IMAGE_REPOSITORY": self.name}
        secrets = {"ALERT_WEBHOOK": self.chat.url} | (secrets or {})
        asked = len(self.hub.log)
        self.parts[part] = self.repository.run(
            workflow, event, payload, tree, named=named, secrets=secrets, **until, **given
        )
        known(workflow, self.hub, asked)
        return self.parts[part]

    def look(self, part: str, as_of: str, why: str = "", ref: str = "main", **more) -> Done:
        """Dispatch drift.yml as on a day; what it has fetched is known to the next one, as a checkout of all branches does."""
        git(self.main, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*")
        payload = {"ref": f"refs/heads/{ref}", "inputs": {"as_of": as_of, "why": why}}
        return self.run(part, "drift.yml", "workflow_dispatch", payload, **more)

    def judge(self, part: str, tree, source: str = NAME, until: str = "verdict") -> Done:
        """Run the checks of a pull request from a branch."""
        head = {"ref": "retrain/prod", "sha": git(tree, "rev-parse", "HEAD"), "repo": {"full_name": source}}
        payload = {"action": "opened", "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}}}
        return self.run(part, "pull-request.yml", "pull_request", payload, tree, until=until)

    def prod(self) -> str:
        """The overlay of prod on the branch of the retrain."""
        return git(self.bare, "show", f"retrain/prod:{PROD}")


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The whole of it."""
    repository = on_base(tmp_path_factory.mktemp("hub"))
    bare, served = repository.folder / "origin.git", Registry(tmp_path_factory.mktemp("registry")).start()
    with GitHubStub(NAME) as hub, listening() as chat:
        pull_requests(hub, lambda branch: git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
        hub.tokens[TOKEN] = {"contents": "write", "pull-requests": "write", "actions": "write"}
        issues(artifacts(hub, TOKEN), TOKEN)
        told = Days(repository, served, hub, {}, chat)
        try:
            play(told)
            yield told
        finally:
            served.stop()


def play(story: Days) -> None:
    """Every part, in its order."""
    hub, main = story.hub, story.main
    story.served = json.loads((main / "metrics.json").read_text())["model_hash"]
    released(story)
    story.look("quiet", "2025-02-28")
    story.look("not better", "2025-04-02")
    story.not_better = [dict(each) for each in hub.issues]
    story.look("a log that is not there", NOW, secrets={"PREDICTION_LOG_URL": "sqlite:////nowhere/log.db"})
    story.unknown = [dict(each) for each in hub.issues]
    hub.faults.append(Fault("POST .*/pulls$", 500))
    story.look("died before its pull request", NOW)
    story.look("again", NOW)
    story.pull, story.branches = dict(hub.pulls[-1]), [each["head"]["ref"] for each in hub.pulls]
    story.look("of a branch", NOW, ref="feature")
    story.judge("judged", story.branch("judged", "retrain/prod"))
    other = archive(story.repository.folder / "other.tar", {"mlops.model-hash": "d" * 64, "mlops.build-key": "e" * 64})
    registry.copy(str(story.repository.folder / "other.tar"), story.name, other)
    tree = story.branch("tampered", "retrain/prod")
    edit(tree, PROD, overlay.images(story.prod(), PROD)["challenger"].digest, other)
    commit(tree, "Another image")
    story.judge("another image", tree, source="mallory/loans", until="manifests")
    git(main, "fetch", "-q", "origin")
    git(main, "merge", "-q", "--ff-only", "origin/retrain/prod")
    git(main, "push", "-q", "origin", "main")
    story.run("released", "release.yml", "push", {"ref": "refs/heads/main"})


def released(story: Days) -> None:
    """Let prod serve main's model."""
    text = (story.main / PROD).read_text(encoding="utf-8")
    image = overlay.Image(story.name, f"sha256:{'a' * 64}", story.served)
    (story.main / PROD).write_text(overlay.with_image(text, PROD, "champion", image), encoding="utf-8")
    commit(story.main, "prod serves main's model")
    git(story.main, "push", "-q", "origin", "main")


def test_quiet_months_are_a_line_and_nothing_else(story):
    """No ticket, no pull request, no word to the chat; what was found is kept on its branch."""
    done = story.parts["quiet"]
    assert dict.fromkeys(("look", "tell", "ticket"), "success") == done.jobs
    assert "[OK] [NO TRAIN, no drift]" in done.said("tell")
    assert f"reports/drift has {story.served[:12]}.json now" in done.said("tell")


def test_what_is_not_better_is_a_ticket_that_says_why(story):
    """Nothing is built, and nothing proposed; the chat hears it."""
    done = story.parts["not better"]
    assert dict.fromkeys(("look", "tell", "ticket"), "success") == done.jobs
    (ticket,) = story.not_better
    assert "[NO RETRAIN, drift] the challenger is not proposed: " in ticket["body"]
    assert "debt" in ticket["body"]
    assert story.chat.texts[0].startswith(f"{NAME}: [NO RETRAIN, drift] ")


def test_a_log_that_gives_no_answer_is_a_failure_with_a_ticket(story):
    """It is no quiet day, and the ticket of the rows stays as it is."""
    done = story.parts["a log that is not there"]
    assert {"look": "failure", "ticket": "success"} == done.jobs
    assert "PREDICTION_LOG_URL names" in done.said("look")
    assert ["The rows that come have changed", "drift failed"] == [each["title"] for each in story.unknown]
    assert "Failed: **look**" in story.unknown[1]["body"]


def test_a_run_that_died_is_mended_by_the_next(story):
    """Nothing is trained again, no image is built again, and one pull request is opened."""
    died, again = story.parts["died before its pull request"], story.parts["again"]
    assert ("success", "failure") == (died.jobs["build"], died.jobs["propose"])
    assert "build" not in again.jobs
    assert {"look", "candidate", "plan", "propose", "tell"} <= {
        job for job, ended in again.jobs.items() if ended == "success"
    }
    assert "is of this commit, and signed" in again.said("plan")
    assert ["retrain/prod"] == story.branches


def test_the_pull_request_has_the_model_and_the_first_step(story):
    """params, lock, metrics, and prod's overlay at shadow with the image that was built of them; its checks are started."""
    changed = git(story.bare, "diff", "--name-only", "retrain/prod^", "retrain/prod").splitlines()
    assert ["dvc.lock", PROD, "metrics.json", "params.yaml"] == changed
    model = json.loads(git(story.bare, "show", "retrain/prod:metrics.json"))["model_hash"]
    challenger = overlay.images(story.prod(), PROD)["challenger"]
    assert (model, "shadow") == (challenger.model, step.current(story.prod(), PROD))
    found = registry.find(story.name, challenger.digest)
    assert (model, build_key("retrain/prod", story.bare)) == (found.label("model-hash"), found.label("build-key"))
    assert ("pull-request.yml", "retrain/prod") in story.hub.dispatched


def test_the_pull_request_says_what_and_why_and_how_to_say_no(story):
    """Old against new with intervals, the canary, three answers, and what drifted, with a chart."""
    for part in (
        "**The challenger is better",
        "95 % interval",
        "## What the canary will do",
        "## How to say no",
        "# Drift",
        "```mermaid",
    ):
        assert part in story.pull["body"]


def test_the_ticket_and_the_chat_name_the_pull_request(story):
    """The ticket of the rows is the one of before; that of the failure is closed."""
    number = f"[RETRAIN #{story.pull['number']}]"
    assert number in story.parts["again"].said("tell")
    rows, failure = story.hub.issues
    assert number in rows["body"]
    assert "closed" == failure["state"]
    assert story.chat.texts[-1].startswith(f"{NAME}: {number}")


def test_the_pull_request_passes_its_checks(story):
    """Its lock is what the pipeline makes, it renders, and the image's labels are this lock's and this tree's."""
    done = story.parts["judged"]
    assert "success" == done.jobs["verdict"]
    assert "is what the change says" in done.said("manifests")


def test_another_image_in_its_place_is_refused(story):
    """By its labels, though the overlay says the right model."""
    done = story.parts["another image"]
    assert "failure" == done.jobs["manifests"]
    assert "its labels say model-hash dddddddddddd instead of" in done.said("manifests")


def test_a_merge_finds_the_image_that_was_reviewed(story):
    """Release builds nothing, and looks again all the same before anything is deployed: main's cache is not there yet."""
    done = story.parts["released"]
    challenger = overlay.images(story.prod(), PROD)["challenger"]
    assert dict.fromkeys(("plan", "verify", "deploy", "ticket"), "success") == done.jobs
    assert f"{challenger} is of this commit, and signed" in done.said("plan")
    steps = "restore", "repro", "verify", "compare"
    assert [*steps] == [verb for verb in done.ran("verify") if verb in steps]
    assert f"Deploy {challenger.digest[7:19]} to dev and staging" in done.said("deploy")


def test_a_branch_looks_at_nothing(story):
    """Whoever dispatches it there."""
    assert {} == {job: ended for job, ended in story.parts["of a branch"].jobs.items() if ended != "skipped"}

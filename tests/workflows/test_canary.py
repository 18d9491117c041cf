"""promote.yml and guard.yml, really run: a challenger's way from staging to prod, refusals, alarms, rollbacks, and runs that died.

One story on one main: each part begins where the one before has ended. A source of figures is a real prediction log.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import yaml

from github_stub import Fault, GitHubStub
from images_built import needs_images
from mlops.delivery import overlay, registry
from mlops.rollout import step
from mlops.serve.sinks.sqlite import TABLE
from oci import archive
from registry import Registry
from remote import pull_requests
from tickets import issues
from workflows.act import NAME, TOKEN, Done, Repository, commit, edit, git

pytestmark = [pytest.mark.slow, needs_images]
MODELS = {"first": "a" * 64, "second": "b" * 64}
APP = "ghs_appToken0123456789abcdef"
FILE = "manifests/overlays/{}/kustomization.yaml"
SIGNER = f"https://github.com/{NAME}/.github/workflows/image.yml@refs/heads/main"


@dataclass
class Story:
    """A repository with its registry and API; `parts`: what each run did, by the part's name."""

    repository: Repository
    registry: Registry
    hub: GitHubStub
    parts: dict[str, Done]

    @property
    def main(self):
        """The tree that is main."""
        return self.repository.folder / "main"

    @property
    def bare(self):
        """The remote."""
        return self.repository.folder / "origin.git"

    def run(self, part: str, workflow: str, event: str, payload: dict, app=False, secrets=None, **named: str) -> Done:
        """Run a workflow of today's main."""
        git(self.main, "fetch", "-q", "origin")
        git(self.main, "reset", "-q", "--hard", "origin/main")
        named |= {"IMAGE_REPOSITORY": f"{self.registry.host}/{NAME}"}
        given = dict(secrets or {})
        if app:
            named["APP_CLIENT_ID"], given["APP_PRIVATE_KEY"] = "Iv1.abc", "a key"
        self.parts[part] = self.repository.run(
            workflow, event, payload, named=named, secrets=given, GITHUB_API_URL=self.hub.url, **self.registry.variables
        )
        return self.parts[part]

    def promote(self, part: str, to: str = "next", **inputs) -> Done:
        """Dispatch promote.yml for prod."""
        said = {"environment": "prod", "step": to, "reason": "", "force": "", "digest": ""} | inputs
        return self.run(part, "promote.yml", "workflow_dispatch", {"ref": "refs/heads/main", "inputs": said})

    def alert(self, part: str, text: str, environment: str = "prod", **more) -> Done:
        """Dispatch guard.yml as Alertmanager does."""
        payload = {"action": "alert", "client_payload": {"environment": environment, "alert": text}}
        return self.run(part, "guard.yml", "repository_dispatch", payload, **more)

    def schedule(self, part: str, at: str = "17 * * * *", **more) -> Done:
        """Run guard.yml by its schedule."""
        return self.run(part, "guard.yml", "schedule", {"schedule": at}, **more)

    def push(self, role: str) -> str:
        """Put an image of a model into the registry, signed, and return its digest."""
        file = self.repository.folder / f"{role}.tar"
        digest = archive(file, {"mlops.model-hash": MODELS[role]})
        registry.copy(str(file), f"{self.registry.host}/{NAME}", digest)
        return digest

    def sign(self, *digests: str) -> None:
        """Let the stand-in for cosign know them as signed by our release."""
        kept = [{"image": each, "who": SIGNER, "type": "https://sigstore.dev/cosign/sign/v1"} for each in digests]
        (self.repository.folder / "caches").mkdir(exist_ok=True)
        (self.repository.folder / "caches/cosign.json").write_text(json.dumps(kept))

    def serve(self, environment: str, role: str, digest: str) -> None:
        """Let an environment's overlay name an image, on main."""
        name = FILE.format(environment)
        text = (self.main / name).read_text(encoding="utf-8")
        image = overlay.Image(f"{self.registry.host}/{NAME}", digest, MODELS[role])
        (self.main / name).write_text(overlay.with_image(text, name, "champion", image), encoding="utf-8")
        commit(self.main, f"{environment} serves {role}")
        git(self.main, "push", "-q", "origin", "main")

    def change(self, name: str, old: str, new: str) -> None:
        """Put an edit on main."""
        git(self.main, "fetch", "-q", "origin")
        git(self.main, "reset", "-q", "--hard", "origin/main")
        edit(self.main, name, old, new)
        commit(self.main, f"Change {name}")
        git(self.main, "push", "-q", "origin", "main")

    def merge(self, branch: str, title: str = "a merge") -> None:
        """Squash a branch into main, as GitHub does."""
        tree = self.repository.clone(f"merge-{len(self.parts)}-{branch.replace('/', '-')}")
        git(tree, "checkout", "-q", "main")
        git(tree, "merge", "-q", "--squash", f"origin/{branch}")
        commit(tree, title)
        git(tree, "push", "-q", "origin", "main")
        for each in self.hub.pulls:
            if (each["head"]["ref"], each["state"]) == (branch, "open"):
                each |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}

    def prod(self, branch: str = "main") -> str:
        """The overlay of prod as a branch has it."""
        return git(self.bare, "show", f"{branch}:{FILE.format('prod')}")

    def at(self, branch: str = "main") -> str:
        """The step of prod."""
        return step.current(self.prod(branch), "prod")

    def open(self) -> dict[str, dict]:
        """The open pull requests, by branch."""
        return {each["head"]["ref"]: each for each in self.hub.pulls if each["state"] == "open"}


def log(path, failing: bool) -> str:
    """Write a prediction log in which the challenger answers all of its requests, or none; return its address."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as base:
        base.executescript(TABLE)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for place in range(2000):
            arm = "challenger" if place % 4 == 0 else "champion"
            model = MODELS["second" if arm == "challenger" and not failing else "first"]
            row = (now, f"r{place}", 0, None, model, arm, "{}", (place % 997) / 997, None, "true", 1.0)
            base.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        base.commit()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The whole of it."""
    quick = ("settle_minutes: 5", "settle_minutes: 0")
    repository = Repository.make(tmp_path_factory.mktemp("hub"), {"params.yaml": quick})
    served = Registry(tmp_path_factory.mktemp("registry")).start()
    with GitHubStub(NAME) as hub:
        bare = repository.folder / "origin.git"
        pull_requests(hub, lambda branch: git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
        hub.tokens[TOKEN] = {"contents": "write", "pull-requests": "write", "actions": "write"}
        issues(hub, TOKEN)
        hub.tokens[APP] = hub.tokens["ghs_app"]
        told = Story(repository, served, hub, {})
        hub.merging = told.merge
        try:
            play(told)
            yield told
        finally:
            served.stop()


def play(story: Story) -> None:
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

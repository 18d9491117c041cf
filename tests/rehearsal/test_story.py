"""The whole loop on one machine: the repository's own workflow files, a real remote, registry, router, Prometheus and DVC store.

`make rehearse` prints it as a story. Each test is an act, and begins where the one before has ended.
"""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from copies import Copy
from github_stub import pull
from mlops.delivery import overlay, registry
from mlops.delivery.build_key import build_key
from mlops.rollout import step
from rehearsal import transcript
from rehearsal.cluster import asked
from rehearsal.stage import quoted
from workflows.act import NAME, TOKEN, Done, commit, edit, git

pytestmark = [pytest.mark.slow, pytest.mark.load, pytest.mark.rehearsal]
CHECKS = ("manifests", "lint", "test", "train", "behaviour", "deepchecks", "compare", "verdict")
RELEASE = ("plan", "verify", "build", "scan", "findings", "push", "sign", "deploy", "ticket")
# As people read them: jobs that need the same one end in any order.
ORDER = (
    *CHECKS,
    "look",
    "candidate",
    *RELEASE[:-2],
    "propose",
    "tell",
    "deploy",
    "rollback",
    "revert",
    "promote",
    "ticket",
)
PUSH = {"ref": "refs/heads/main"}
TODAY = "2026-11-22"
FENCE = "`" * 3
GOOD, BAD = 7, 8  # the pull requests' numbers


# (the next step, all requests a second, the challenger's before it is asked for, what a person says where figures are too few)
LADDER = (
    ("canary-01", 400, 700, ""),
    ("canary-05", 800, 40, "one user in a hundred: too few for a p99, the answers look alike"),
    ("canary-25", 1000, 700, ""),
    ("canary-50", 600, 700, ""),
    ("full", 600, 700, ""),
)


def jobs(done: Done) -> str:
    """How the jobs of a run ended, in a line."""
    ended = sorted(done.jobs.items(), key=lambda job: ORDER.index(job[0]))
    return ", ".join(job if result == "success" else f"{job} ({result})" for job, result in ended)


def test_a_fresh_copy_releases_its_first_model(stage, tmp_path_factory):
    """Main becomes an image; staging and prod serve it by its digest."""
    stage.tell("# 1. A fresh copy releases its first model\n")
    laptop = stage.laptop("first")
    assert 0 == laptop.mlops("repro").returncode
    assert 0 == laptop.mlops("push", DVC_REMOTE_URL=str(stage.store)).returncode
    stage.seed(laptop)
    stage.tell("`make pr` and `make push` on a laptop: the outputs that `dvc.lock` names are in the team's DVC store.")
    (laptop.path / ".dvc/cache").rename(stage.repository.folder / "laptop")
    with ThreadPoolExecutor() as beside:
        good = beside.submit(person, stage)
        done = stage.run("release.yml", "push", PUSH)
        stage.good = good.result()
    assert dict.fromkeys(RELEASE, "success") == done.jobs
    assert "outputs of dvc.lock (from" in done.said("verify")
    stage.tell(f"`release.yml`: {jobs(done)}.")
    deployed(stage)
    stage.promote("full")
    stage.merge("promote/prod", "Promote prod to full")
    stage.follow("prod")
    stage.watch(tmp_path_factory.mktemp("prometheus"))
    stage.tell(
        f"`promote.yml`, step full (prod served nothing before); merged: prod serves {short(stage, 'champion')}."
    )
    assert stage.image("champion", "staging") == stage.image("champion")


def person(stage):
    """Take twenty trees out of the forest on a laptop, with the lock that `make pr` leaves."""
    laptop = stage.laptop("smaller")
    laptop.edit("params.yaml", "n_estimators: 120", "n_estimators: 100")
    assert 0 == laptop.mlops("repro").returncode
    return laptop.path, commit(laptop.path, "Fewer trees")


def short(stage, role: str, environment: str = "prod") -> str:
    """An image's digest and model, as people say them."""
    image = stage.image(role, environment)
    return f"`{image.digest[7:19]}` (model `{image.model[:12]}`)"


def deployed(stage) -> None:
    """Check and merge the pull request that a release has opened, and look what staging serves then."""
    found = stage.open()["deploy/dev-staging"]
    tree = stage.branch(f"check-{found['number']}", "deploy/dev-staging")
    done = stage.judge(tree, git(tree, "rev-parse", "HEAD"), number=found["number"])
    assert {"manifests": "success", "verdict": "success"} == done.jobs
    stage.merge("deploy/dev-staging", found["title"])
    stage.follow("staging")
    image, said = stage.image("champion", "staging"), stage.clusters["staging"].version()
    assert (image.model, str(image)) == (said["model_hash"], said["image"])
    stage.tell(
        f"It opened #{found['number']}, *{found['title']}*: green by the short way, merged. Staging runs that digest; "
        f"its `GET /version` says model `{said['model_hash'][:12]}`, the one in `metrics.json`."
    )


def test_a_good_pull_request_gets_its_verdict(stage):
    """Every check is green, the comment compares it with main, and it may be merged."""
    stage.tell("\n# 2. A good pull request\n")
    tree, sha = stage.good
    done = stage.judge(tree, sha, number=GOOD, title="Fewer trees")
    assert dict.fromkeys(CHECKS, "success") == done.jobs
    git(tree, "push", "-q", "origin", "smaller")
    stage.hub.pulls.append(pull(GOOD, sha, "smaller"))
    stage.tell(f"#{GOOD} takes 20 of 120 trees away. `pull-request.yml`: {jobs(done)}.")
    comment = stage.comment(tree, sha, done, GOOD)
    assert "ended with: success" in comment
    assert "**This pull request passes**" in comment
    stage.tell(f"`comment.yml` posts:\n\n{quoted(comment)}\n")
    stage.judged(done)
    stage.merge("smaller", f"Fewer trees (#{GOOD})")


def test_its_merge_is_an_image_that_staging_serves(stage):
    """The bytes that were reviewed are taken by their hash, and not made again; a bad pull request is judged meanwhile."""
    stage.tell("# 3. Its merge becomes an image\n")
    tree = stage.repository.clone("degraded")
    for column in ("late_payments", "income"):
        edit(tree, "data/contract.yaml", f"  {column}:\n", f"  {column}:\n    feature: false\n")
    stage.bad = tree, commit(tree, "Drop two columns")
    with ThreadPoolExecutor() as beside:
        bad = beside.submit(stage.judge, *stage.bad, BAD)
        done = stage.run("release.yml", "push", PUSH)
        stage.blocked = bad.result()
    assert dict.fromkeys(RELEASE, "success") == done.jobs
    assert "outputs of dvc.lock (from the store and an artifact)" in done.said("verify")
    assert ["restore", "fingerprint", "repro", "verify"] == done.ran("verify")[:4]
    stage.tell(
        "Merged. `release.yml` takes the outputs of the pull request's own checks by their hashes, hashes every one again, and judges main."
    )
    deployed(stage)
    found = registry.find(stage.name, stage.image("champion", "staging").digest)
    assert build_key("main", stage.bare) == found.label("build-key")


def test_a_bad_pull_request_is_blocked_and_says_why(stage):
    """The required check is red, and the comment says which gate, by how much, and what shows more."""
    stage.tell("\n# 4. A bad pull request\n")
    assert ("failure", "failure") == tuple(stage.blocked.jobs[job] for job in ("compare", "verdict"))
    stage.tell(f"#{BAD} takes the two strongest columns from the model. `pull-request.yml`: {jobs(stage.blocked)}.")
    comment = stage.comment(*stage.bad, stage.blocked, BAD)
    assert "ended with: failure" in comment
    assert "**This pull request FAILS**" in comment
    assert "❌ **ROC AUC against main**" in comment
    stage.tell(f"`verdict` is the required check: it cannot be merged. `comment.yml` posts:\n\n{quoted(comment)}\n")


def test_a_canary_goes_from_shadow_to_full(stage):
    """Each step is a merged diff of prod's overlay, made on figures of real requests; at no step does anybody meet an error."""
    stage.tell("# 5. A canary: shadow, 1, 5, 25, 50 %, full\n")
    before, wanted = stage.image("champion"), stage.image("champion", "staging")
    promoted(stage, "shadow")
    assert (before, wanted) == (stage.image("champion"), stage.image("challenger"))
    for to, rate, requests, reason in LADDER:
        stage.follow("prod")
        with stage.callers(rate) as load:
            stage.counted(requests)
        met, share = share_of(load, wanted.model), step.share(stage.at())
        assert share / 2 <= met <= 2 * share
        stage.tell(
            f"- at {stage.at()}: {met:.1%} of {len(load.answers):,} answers are the challenger's, and none failed."
        )
        promoted(stage, to, reason)
    stage.follow("prod")
    assert ("stable", wanted) == (stage.at(), stage.image("champion"))
    assert wanted.model == stage.clusters["prod"].version()["model_hash"]
    stage.tell(f"Prod serves {short(stage, 'champion')} to everybody.")


def share_of(load, model: str) -> float:
    """The share of answers that a model gave."""
    answers = list(load.answers)
    return sum(each.model == model for each in answers) / len(answers)


def promoted(stage, to: str, reason: str = "", force: str = "") -> None:
    """Dispatch promote.yml, merge what it opens."""
    done = stage.promote("next" if not force else to, reason=reason, force=force)
    assert {"promote": "success"} == done.jobs, done.said("promote")
    found = stage.open()["promote/prod"]
    assert f"Promote prod to {to}" in found["title"]
    stage.merge("promote/prod", found["title"])
    evidence = step.evidence(stage.said(), overlay.file("prod"))
    stage.tell(f"- #{found['number']} *{found['title']}*, merged; the overlay keeps: {shortened(evidence)}")


def shortened(evidence: str) -> str:
    """What an overlay keeps of a step, without the figures that depend on the hour: its first ones, and what a person said."""
    figures = evidence.split("; ")
    said = [each for each in figures[2:] if each.startswith(("forced: ", "attested: "))]
    return "; ".join([*figures[:2], *(["..."] if len(figures) > 2 + len(said) else []), *said])


def test_drift_ends_in_a_retrain_pull_request(stage):
    """The rows have changed, a challenger on newer months is better, and its pull request holds model, lock and first step."""
    stage.tell("\n# 6. Drift, and a retrain\n")
    payload = {"ref": "refs/heads/main", "inputs": {"as_of": TODAY, "why": ""}}
    done = stage.run("drift.yml", "workflow_dispatch", payload)
    assert "failure" not in done.jobs.values(), done.said("look")
    found = stage.open()["retrain/prod"]
    stage.tell(f"`drift.yml` as of {TODAY}: {jobs(done)}.")
    stage.tell(f"The chat hears: {stage.chat.texts[-1]}")
    stage.tell(f"#{found['number']} says:\n\n{quoted(found['body'], 8)}\n")
    tree = stage.branch("check-retrain", "retrain/prod")
    checked = stage.judge(tree, git(tree, "rev-parse", "HEAD"), found["number"], until="manifests")
    assert {"manifests": "success"} == checked.jobs
    assert "is what the change says" in checked.said("manifests")
    stage.tell(
        "Its check `manifests` holds the image's labels against this lock and this tree; the others are those of part 2. A person merges it."
    )
    stage.merge("retrain/prod", found["title"])
    assert "shadow" == stage.at()
    assert json.loads(git(stage.bare, "show", "main:metrics.json"))["model_hash"] == stage.image("challenger").model


def test_a_slow_challenger_is_rolled_back(stage):
    """The guard sees it in the router's figures, its rollback is merged, and what was rolled back is not promoted again."""
    stage.tell("\n# 7. A challenger that is slow\n")
    champion, challenger = stage.image("champion"), stage.image("challenger")
    stage.follow("prod")
    promoted(stage, "canary-25", reason="a rehearsal", force="the steps before were played above")
    stage.follow("prod")
    stage.hub.green = stage.hub.bypass = True
    with stage.callers(300), stage.clusters["prod"].slow("challenger"):
        stage.tell("The challenger stands still 95 % of the time; its users are answered by whoever is first.")
        stage.counted(600)
        alert = {"environment": "prod", "alert": "ChallengerSlow"}
        done = stage.run("guard.yml", "repository_dispatch", {"action": "alert", "client_payload": alert}, app=True)
    assert "failure" not in done.jobs.values(), done.said("look")
    text = stage.said()
    assert ("stable", [challenger.digest]) == (stage.at(), step.rejected(text, overlay.file("prod")))
    assert champion == stage.image("champion")
    why = step.evidence(text, overlay.file("prod"))
    assert "p99" in why or "answered by the champion" in why
    stage.tell(f"An alert starts `guard.yml`: {jobs(done)}. It saw: {why}")
    stage.follow("prod")
    with stage.callers() as load:
        time.sleep(2)
    assert {champion.model} == {each.model for each in load.answers}
    stage.tell(
        f"`rollback/prod` is merged by the App, prod is at `stable`, and all of {len(load.answers):,} requests are answered by the champion."
    )
    assert f"revert/{challenger.model[:12]}" in stage.open()
    (ticket,) = (each for each in stage.hub.issues if each["title"].startswith("prod: "))
    stage.tell(
        f"Issue *{ticket['title']}* has the figures; `revert/{challenger.model[:12]}` would take the model off main."
    )
    again = stage.promote(reason="again", digest=challenger.digest)
    assert {"promote": "failure"} == again.jobs
    assert "has rejected" in again.said("promote")
    stage.tell("`promote.yml` for the same image: refused, the overlay has rejected it.")


def test_everybody_can_see_where_it_ended(stage):
    """What serves, since when and why, is asked of git by anybody who has a clone."""
    stage.tell("\n# 8. Where it ended\n")
    row = json.loads(stage.rows[0])
    answer, model = asked(f"http://127.0.0.1:{stage.clusters['prod'].router.port}", row, "u1")
    assert stage.image("champion").model == model == answer["model_hash"]
    clone, said = Copy(stage.fresh(), ""), {}
    for words in (["status"], ["trace", "prod"]):
        done = clone.mlops(*words, GITHUB_REPOSITORY=NAME, GITHUB_TOKEN=TOKEN, GITHUB_API_URL=stage.hub.url)
        assert 0 == done.returncode, done.stderr
        lines = [line for line in done.stdout.splitlines() if not line.startswith("-- ")]
        said[words[0]] = "\n".join(lines)
        stage.tell(f"`make {' WHAT='.join(words)}`\n\n{FENCE}\n{said[words[0]]}\n{FENCE}\n")
    champion, revert = stage.image("champion"), next(each for name, each in stage.open().items() if "revert/" in name)
    assert re.search(rf"prod +stable +champion +{champion.digest[7:19]} +{champion.model[:12]}", said["status"])
    assert f"#{revert['number']}" in said["status"]
    assert f"{TODAY}, champion {champion.model[:12]}" in said["status"]
    assert champion.model[:12] in said["trace"]


def test_it_is_the_story_that_is_kept(stage):
    """docs/rehearsal.md tells it, but for what differs from run to run."""
    made = transcript.written(stage.lines)
    if os.environ.get("REHEARSAL") == "write":
        transcript.FILE.write_text(made, encoding="utf-8")
    kept = transcript.FILE.read_text(encoding="utf-8")
    assert transcript.general(kept).splitlines() == transcript.general(made).splitlines(), transcript.FIX

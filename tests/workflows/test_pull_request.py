"""pull-request.yml, really run: a good pull request, a degraded one, a broken one, one from a hostile fork."""

import hashlib
import json
import re
import zipfile

import pytest

from mlops import dvc
from mlops.delivery.restore import outputs
from workflows.act import TOKEN
from workflows.conftest import FENCE, LOOT

pytestmark = pytest.mark.slow
JOBS = {"manifests", "lint", "test", "train", "behaviour", "deepchecks", "compare", "verdict"}
RED = {"compare": "failure", "verdict": "failure"}


def names(archive):
    """The files of an artifact."""
    with zipfile.ZipFile(archive) as files:
        return set(files.namelist())


def test_a_good_pull_request_passes(good):
    """Every job succeeds, the required one too."""
    assert dict.fromkeys(JOBS, "success") == good[1].judged.jobs
    assert "pass" == good[1].verdict()["verdict"]


def test_a_stale_lock_is_the_one_red_gate(good):
    """Before the lock is taken from CI nothing else is red, and the verdict names the fix."""
    assert {"lock"} == good[0].failed()
    assert "make lock PR=" in good[0].judged.said("compare")


def test_compare_runs_no_stage_again(good):
    """All that train, behaviour and deepchecks made comes out of DVC's cache; only the fingerprint is taken anew."""
    assert ["fingerprint", "repro", "compare"] == good[1].judged.ran("compare")


def test_a_stage_job_runs_its_stage_alone(good):
    """behaviour and deepchecks take what train made."""
    for job in ("behaviour", "deepchecks"):
        assert ["fingerprint", job, "repro"] == good[1].judged.ran(job)


def test_train_begins_with_the_cache_of_main(good):
    """What the pull request did not change is not made again: only the stages from train on run."""
    assert ["fingerprint", "train", "evaluate", "repro"] == good[1].judged.ran("train")


def test_main_is_scored_from_its_own_bytes(good):
    """The baseline is main's model as main made it, not one trained anew."""
    assert "rescored" == good[1].verdict()["baseline"]["how"]


def test_the_artifacts_hold_what_their_readers_take(good):
    """report is comment.yml's, lock is `make lock`'s, pages are for people; no table is in any of them."""
    done = good[1].judged
    assert {"report.md"} == names(done.artifact("report"))
    assert {"dvc.lock", "metrics.json"} == names(done.artifact("lock"))
    expected = {"verdict.json", "report.html", "deepchecks.html", "data_docs/index.html"}
    assert expected == names(done.artifact("pages"))


def test_what_passed_leaves_its_bytes_for_main(good):
    """An artifact named by the lock's hash holds every output that the lock names, each under its own hash."""
    lock = zipfile.ZipFile(good[1].judged.artifact("lock"))
    digest = hashlib.sha256(hashlib.sha256(lock.read("dvc.lock")).digest()).hexdigest()
    held = names(good[1].judged.artifact(f"dvc-{digest}"))
    outs = outputs(dvc.parse_lock(lock.read("dvc.lock").decode()))
    made = set(outs.values()) - {outs["reports/fingerprint.json"], outs["metrics.json"]}  # of the tree, and in git
    assert {f"md5/{each[:2]}/{each[2:]}" for each in made} <= held


def test_what_failed_leaves_no_bytes(degraded):
    """It is not merged."""
    assert [] == [*degraded.judged.store.glob("artifacts/dvc-*")]


def test_the_report_is_in_the_step_summary(good):
    """A run that may not comment shows the report all the same, and the verdict each job's result."""
    with zipfile.ZipFile(good[1].judged.artifact("report")) as report:
        assert report.read("report.md").decode() in good[1].judged.summaries
    assert "All are as they must be." in good[1].judged.summaries


def test_a_degraded_pull_request_fails(degraded):
    """compare and the required job fail, the others do not; the verdict names the degradation."""
    assert dict.fromkeys(JOBS, "success") | RED == degraded.judged.jobs
    assert "fail" == degraded.verdict()["verdict"]
    assert "degradation" in degraded.failed()


def test_a_red_verdict_has_its_report(degraded):
    """The steps after a failed compare still run: artifacts and summary are there."""
    assert "This pull request FAILS" in degraded.judged.summaries
    assert all(degraded.judged.artifact(name).exists() for name in ("report", "lock", "pages"))
    assert "Not as they must be: compare." in degraded.judged.summaries


def test_a_pipeline_that_stops_is_a_verdict_too(broken):
    """Where train fails, what needs it is skipped and compare says which rule was broken."""
    expected = dict.fromkeys(("manifests", "lint", "test"), "success") | {"train": "failure"} | RED
    assert expected == {job: result for job, result in broken.judged.jobs.items() if result != "skipped"}
    assert {"data_contract"} == broken.failed()
    assert "Not as they must be: behaviour, compare, deepchecks, train." in broken.judged.summaries


def test_no_job_of_a_fork_has_a_token(hostile):
    """What the fork's code could see while it was trained, tested and compared holds no token, nor does git's configuration."""
    loot = (hostile.judged.store / LOOT).read_text(encoding="utf-8")
    assert {"train", "compare"} <= {json.loads(line)["env"].get("GITHUB_JOB") for line in loot.splitlines()}
    assert TOKEN not in loot
    assert not re.findall(r"gh[pousr]_\w+|github_pat_\w+|extraheader|ACTIONS_RUNTIME_TOKEN", loot)


def test_a_branch_name_is_never_run(hostile):
    """Shell metacharacters in the branch's name do nothing, in any job of either workflow."""
    assert not [*hostile.judged.store.rglob("pwned"), *hostile.told.store.rglob("pwned")]


def test_a_fork_that_lies_in_its_report_is_still_red(hostile):
    """The report says PASSES; the required job does not."""
    with zipfile.ZipFile(hostile.judged.artifact("report")) as report:
        assert "This pull request PASSES" in report.read("report.md").decode()
    assert "failure" == hostile.judged.jobs["verdict"]


def test_a_change_of_manifests_alone_takes_the_short_way(moved):
    """No model is judged; what stands in the place of a report says what would change."""
    assert {"manifests": "success", "verdict": "success"} == moved.judged.jobs
    assert ["manifests", "scan", "labels", "scope"] == moved.judged.ran("manifests")
    assert "train: skipped, because only manifests is touched" in moved.judged.said("verdict")
    with zipfile.ZipFile(moved.judged.artifact("report")) as report:
        assert "prod would serve what its overlay says below" in report.read("report.md").decode()


def test_a_text_of_a_fork_stays_a_text_in_its_comment(moved):
    """No mention, no image, no end of the frame that it stands in; the touched path is named above it."""
    (said,) = moved.hub.comments[7]
    assert "manifests/overlays/prod/kustomization.yaml" in said["body"].partition("# Only manifests/ changes")[0]
    assert 2 == said["body"].count(FENCE)
    assert "evil.example" not in said["body"].rpartition(FENCE)[2]


def test_a_change_that_breaks_the_policy_is_red(unruly):
    """And says which rule."""
    assert {"manifests": "failure"} == unruly.jobs
    assert "A container runs as a user that is not root." in unruly.said("manifests")

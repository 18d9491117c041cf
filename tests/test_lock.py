"""CI's lock, taken into a pull request's branch: only where it is of exactly this tree."""

import hashlib
import subprocess

import pytest

from copies import SAMPLE, copy, lay_out
from github_stub import SHA, pull, zipped
from mlops import lock
from mlops.errors import CannotRun
from mlops.github import GitHub
from mlops.pipeline.fingerprint import fingerprints

LOCK, METRICS = ((SAMPLE / name).read_text(encoding="utf-8") for name in ("dvc.lock", "metrics.json"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The tree that the lock must be of."""
    return lay_out(tmp_path_factory.mktemp("tree"))


def fresh(text: str, root) -> str:
    """The lock with today's fingerprints in it, as CI would have written it for the tree at `root`."""
    import yaml

    parsed, now = yaml.safe_load(text), fingerprints(root)
    for stage in parsed["stages"].values():
        for name in stage.get("params", {}).get("reports/fingerprint.json", {}):
            stage["params"]["reports/fingerprint.json"][name] = now[name]
    return yaml.safe_dump(parsed, sort_keys=False)


def test_a_lock_of_this_tree_is_taken(root):
    """Stages, commands, params, fingerprints, inputs and metrics agree."""
    lock.check(fresh(LOCK, root), METRICS, root)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("cmd: mlops train", "cmd: curl example.com", "the command of stage train"),
        ("seed: 1", "seed: 8", "params.yaml: data in stage ingest"),
        ("  validate:\n", "  other:\n", "its stages"),
    ],
)
def test_a_lock_of_another_tree_is_refused(old, new, named, root):
    """The sentence names what differs."""
    text = fresh(LOCK, root)
    assert old in text
    with pytest.raises(CannotRun, match=f"{named}.* differs"):
        lock.check(text.replace(old, new), METRICS, root)


def test_an_input_that_no_stage_made_is_refused(root):
    """A dependency's hash must be the hash of the output it is."""
    text = fresh(LOCK, root)
    md5 = lock.dvc.out_hash(lock.dvc.parse_lock(text), "models/model.onnx")
    at = text.index("path: models/model.onnx", text.index("evaluate:"))
    with pytest.raises(CannotRun, match=r"models/model.onnx in stage evaluate"):
        lock.check(text[:at] + text[at:].replace(md5, "0" * 32, 1), METRICS, root)


def test_metrics_that_the_lock_does_not_name_are_refused(root):
    """Prettier figures than CI's are not CI's."""
    with pytest.raises(CannotRun, match=r"metrics.json differs"):
        lock.check(fresh(LOCK, root), METRICS.replace('"schema": 1', '"schema": 1 '), root)


def test_a_code_change_after_ci_is_refused(tmp_path, root):
    """The lock of yesterday's code is not the lock of today's."""
    made = copy(tmp_path)
    made.edit("src/model/estimator.py", "random_state=seed", "random_state=seed + 1")
    with pytest.raises(CannotRun, match=r"reports/fingerprint.json: train in stage train"):
        lock.check(fresh(LOCK, root), METRICS, tmp_path)


@pytest.fixture
def branch(tmp_path, monkeypatch):
    """A pull request's branch in a real repository, whose head is what the API says."""
    made = copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


def _runs(stub):
    return lambda call: (
        200,
        {"workflow_runs": [run for run in stub.runs if run["head_sha"] == call.query["head_sha"]]},
    )


def hub_of(stub, sha: str, **files: str) -> GitHub:
    stub.pulls = [pull(7, sha)]
    stub.tokens["ghs_person"] = {"actions": "read", "pull-requests": "read", "contents": "read"}
    stub.runs = [{"id": 12, "head_sha": sha, "status": "completed"}]
    stub.add(
        "GET",
        rf"/repos/{stub.repository}/actions/workflows/pull-request.yml/runs",
        "actions:read",
        _runs(stub),
        ("head_sha", "per_page"),
    )
    stub.artifact(12, zipped(**{name: text.encode() for name, text in files.items()}), name="lock")
    return GitHub(stub.repository, "ghs_person", stub.url, backoff=0)


def test_the_lock_of_the_newest_finished_run_is_read(stub, branch):
    """Both files come out of the artifact `lock`."""
    hub = hub_of(stub, branch.main, **{"dvc.lock": "a", "metrics.json": "b"})
    assert ("a", "b") == lock.taken(hub, 7)


def test_another_commit_than_the_pull_request_is_refused(stub, branch):
    """A folder that is not at the pull request's head would get somebody else's lock."""
    with pytest.raises(CannotRun, match="gh pr checkout 7"):
        lock.taken(hub_of(stub, SHA), 7)


def test_a_run_that_is_not_finished_is_refused(stub, branch):
    """There is nothing to take yet."""
    hub = hub_of(stub, branch.main)
    stub.runs[0]["status"] = "in_progress"
    with pytest.raises(CannotRun, match="no finished run"):
        lock.taken(hub, 7)


def test_the_verb_commits_both_files_and_nothing_else(stub, branch, monkeypatch, root):
    """One commit, two files; run again, it says that nothing is to do."""
    changed = METRICS.rstrip() + "\n\n"
    at = hashlib.md5(METRICS.encode(), usedforsecurity=False).hexdigest()
    text = fresh(LOCK, root).replace(at, hashlib.md5(changed.encode(), usedforsecurity=False).hexdigest())
    hub_of(stub, branch.main, **{"dvc.lock": text, "metrics.json": changed})
    for name, value in {
        "GITHUB_REPOSITORY": stub.repository,
        "GITHUB_TOKEN": "ghs_person",
        "GITHUB_API_URL": stub.url,
    }.items():
        monkeypatch.setenv(name, value)
    lock.run(type("Args", (), {"pr": 7}))
    shown = subprocess.run(["git", "show", "--stat", "--format=%s", "HEAD"], capture_output=True, text=True).stdout
    assert "Take dvc.lock and metrics.json from CI" in shown
    assert "2 files changed" in shown


def test_own_changes_of_the_lock_are_not_overwritten(branch):
    """What a person has not committed is not lost."""
    branch.edit("metrics.json", '"schema": 1', '"schema": 1 ')
    with pytest.raises(CannotRun, match="has changes of yours"):
        lock.run(type("Args", (), {"pr": 7}))


@pytest.mark.parametrize(
    "url", ["https://github.com/acme/loans.git", "git@github.com:acme/loans", "ssh://git@github.com/acme/loans/"]
)
def test_the_repository_is_read_from_origin(branch, url):
    """A laptop has no GITHUB_REPOSITORY."""
    branch.git("remote", "add", "origin", url)
    assert "acme/loans" == lock.surroundings({"GITHUB_TOKEN": "x"})["GITHUB_REPOSITORY"]

"""What brought a model is taken off main by a pull request; environments stay where they are."""

import json

import pytest

from mlops.cli import main as mlops
from mlops.rollout import revert, step
from remote import git
from rollout_cases import FIRST, NAME, SECOND, THIRD, at, main, when

BEFORE = {
    "metrics.json": json.dumps({"model_hash": FIRST.model}),
    "dvc.lock": "lock: 1\n",
    "window.yaml": "a: 1\nb: 1\nc: 1\nd: 1\n",
}
AFTER = {
    "metrics.json": json.dumps({"model_hash": SECOND.model}),
    "dvc.lock": "lock: 2\n",
    "window.yaml": "a: 2\nb: 1\nc: 1\nd: 1\n",
}


GIVEN_UP = step.rolled_back(at("shadow"), NAME, "wrong")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main with a model, then another one, whose commit moved prod as well."""
    made = main(tmp_path, **BEFORE)
    monkeypatch.chdir(made.path)
    made.retrain = made.merge(AFTER | {NAME: at("shadow")}, "Retrain (#9)")
    made.merge({NAME: GIVEN_UP})
    return made


def run(model: str = SECOND.model) -> int:
    """Run the verb."""
    words = ["--env", "prod", "--digest", SECOND.digest, "--model", model]
    return mlops(["revert", *words, "--why", "it answered nothing"])


def test_params_lock_and_metrics_are_those_of_before(remote, stub):
    """What main has got since stays, and so do the overlays."""
    remote.merge({"window.yaml": "a: 2\nb: 1\nc: 1\nd: 3\n", "other.txt": "new\n"})
    assert 0 == run()
    branch = f"revert/{SECOND.model[:12]}"
    found = [remote.text(branch, name) for name in ("metrics.json", "dvc.lock", "window.yaml", "other.txt")]
    assert [BEFORE["metrics.json"], "lock: 1", "a: 1\nb: 1\nc: 1\nd: 3", "new"] == found
    assert GIVEN_UP.strip() == remote.text(branch, NAME)
    (pull,) = stub.pulls
    assert f"Takes back {remote.retrain}, `Retrain (#9)`" in pull["body"]
    assert "it answered nothing" in pull["body"]


def test_an_image_that_nobody_gives_up_keeps_its_model(remote, stub, capsys):
    """The alarm came late, or a person has said no; an open rollback is enough."""
    remote.merge({NAME: at("canary-05")})
    assert 0 == run()
    assert "main keeps its model" in capsys.readouterr().out
    assert [] == stub.pulls
    assert 0 == mlops(["rollback", "--env", "prod", "--why", "wrong", "--propose"])
    assert 0 == run()
    assert 2 == len(stub.pulls)


def test_asked_twice_it_is_one_pull_request(remote, stub):
    """The same commit."""
    assert (0, 0) == (run(), run())
    assert 1 == len(stub.pulls)


def test_a_persons_no_is_a_no(remote, stub):
    """Main keeps the model."""
    assert 0 == run()
    stub.pulls[0]["state"] = "closed"
    assert 0 == run()
    assert 1 == len(stub.pulls)


def test_where_main_has_moved_on_there_is_nothing_to_take_back(remote, stub, capsys):
    """Another model is there by now."""
    remote.merge({"metrics.json": json.dumps({"model_hash": THIRD.model})})
    assert 0 == run()
    assert "there is nothing to take back" in capsys.readouterr().out
    assert [] == stub.pulls


def test_a_conflict_is_a_persons(remote, stub, capsys):
    """Main has changed the same lines since."""
    remote.merge({"window.yaml": "a: 3\nb: 1\nc: 1\nd: 1\n"})
    assert 0 == run()
    assert f"`git revert {remote.retrain[:12]}`" in capsys.readouterr().out
    assert [] == stub.pulls


def test_the_first_commit_has_nothing_before_it(remote):
    """It cannot be taken back."""
    root = git(remote.path, "rev-list", "--max-parents=0", "HEAD")
    assert revert.without(root, "HEAD") is None


def test_a_commit_without_manifests_is_taken_back_as_well(remote):
    """As most are; and the working tree is not touched."""
    commit = remote.merge({"window.yaml": "a: 9\nb: 1\nc: 1\nd: 1\n"})
    tree = revert.without(commit, commit)
    assert git(remote.path, "rev-parse", f"{commit}^^{{tree}}") == tree
    assert "" == git(remote.path, "status", "--porcelain")
    when(remote, at("canary-01"), "2026-03-01T12:00:00+00:00")
    assert AFTER["window.yaml"].strip() == git(remote.path, "show", f"{revert.without(commit, 'HEAD')}:window.yaml")


def test_what_is_no_model_hash_is_refused(remote, stub, capsys):
    """A digest, or a word."""
    assert 2 == run(SECOND.digest)
    assert "is no model hash" in capsys.readouterr().err

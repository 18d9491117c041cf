"""The required check: every job succeeded, or was skipped for a named reason."""

import json
from argparse import Namespace

import pytest

from mlops.errors import CannotRun
from mlops.needs import read, run


def judged(monkeypatch, may_skip=(), only="", **results):
    """Runs the verb on jobs with these results; returns its exit code."""
    monkeypatch.setenv("NEEDS", json.dumps({job: {"result": result, "outputs": {}} for job, result in results.items()}))
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    return run(Namespace(may_skip=list(may_skip), only=only))


def test_passes_where_every_job_succeeded(monkeypatch):
    """All succeeded: exit 0."""
    assert 0 == judged(monkeypatch, lint="success", compare="success")


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped", "", None, "Success"])
def test_fails_where_one_job_did_not(monkeypatch, result):
    """Anything but success fails, a word that GitHub does not use yet as well."""
    assert 1 == judged(monkeypatch, lint="success", compare=result)


def test_passes_a_job_skipped_for_a_named_reason(monkeypatch, capsys):
    """The reason is in the log."""
    assert 0 == judged(monkeypatch, ["train=only manifests changed"], lint="success", train="skipped")
    assert "train: skipped, because only manifests changed" in capsys.readouterr().out


def test_fails_a_job_that_may_be_skipped_but_failed(monkeypatch):
    """The reason excuses a skip and nothing else."""
    assert 1 == judged(monkeypatch, ["train=only manifests changed"], lint="success", train="failure")


def test_says_every_result_in_the_step_summary(monkeypatch, tmp_path):
    """The summary names each job, and those that are not as they must be."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    judged(monkeypatch, lint="success", test="failure")
    expected = "- lint: success\n- test: failure\n\nNot as they must be: test.\n\n"
    assert expected == (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"lint": {}}', '{"lint": "success"}', "no JSON"])
def test_refuses_needs_that_name_no_result(text):
    """A check that was told nothing does not pass."""
    with pytest.raises(CannotRun, match="NEEDS names no job"):
        read(text)


def test_refuses_a_skip_of_an_unknown_job(monkeypatch):
    """A misspelt job in --may-skip is an error, not a pass."""
    with pytest.raises(CannotRun, match="'trian' is not among the needed jobs: train"):
        judged(monkeypatch, ["trian=typo"], train="success")


@pytest.mark.parametrize("word", ["train", "train=", "train= "])
def test_refuses_a_skip_without_a_reason(monkeypatch, word):
    """A skip needs its reason."""
    with pytest.raises(CannotRun, match="gives no reason"):
        judged(monkeypatch, [word], train="success")


def test_others_may_be_skipped_where_one_job_is_all_that_a_change_needs(monkeypatch):
    """And only skipped: what ran must have succeeded, and so must that job."""
    assert 0 == judged(monkeypatch, only="manifests", manifests="success", train="skipped", test="skipped")
    assert 1 == judged(monkeypatch, only="manifests", manifests="success", train="failure")
    assert 1 == judged(monkeypatch, only="manifests", manifests="failure", train="skipped")
    assert 1 == judged(monkeypatch, only="manifests", manifests="skipped", train="skipped")
    assert 1 == judged(monkeypatch, manifests="success", train="skipped")


def test_refuses_a_job_that_is_none_as_the_only_one(monkeypatch):
    """A misspelt word would let everything be skipped."""
    with pytest.raises(CannotRun, match="'manifest' is not among the needed jobs"):
        judged(monkeypatch, only="manifest", manifests="success", train="skipped")

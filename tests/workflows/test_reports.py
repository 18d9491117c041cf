"""reports.yml, really run after a release of a main whose params.yaml asks for Pages."""

import pytest

from mlops import dvc

pytestmark = pytest.mark.slow


def test_main_runs_its_pipeline_and_publishes(pushed):
    """Every job succeeds: the pipeline on main, the record of it, and the deployment."""
    assert dict.fromkeys(["reports", "record", "pages", "ticket"], "success") == pushed.jobs


def test_what_main_made_is_recorded_as_it_is(pushed):
    """No stage runs again for the record; a store that is not named is said once."""
    assert ["fingerprint", "repro", "log", "push"] == pushed.ran("record")
    assert 1 == pushed.said("record").count("not configured")


def test_what_release_saved_is_not_made_again(pushed):
    """The pipeline of the reports' own job takes every output from main's cache."""
    assert ["fingerprint", "repro", "compare", "publish"] == pushed.ran("reports")


def test_main_saves_the_cache_that_pull_requests_begin_with(repository, saved):
    """One cache, whose key is that of dvc.lock, with the model that the lock names."""
    caches = list((repository.folder / "caches").glob("dvc-*"))
    assert 1 == len(caches)
    lock = dvc.read_lock(repository.folder / "main/dvc.lock")
    assert dvc.cached(dvc.out_hash(lock, "models/model.onnx"), caches[0])


def test_the_reports_are_on_pages(pushed):
    """Every report is published, and nothing else."""
    expected = {"index.html", "report.html", "data_docs.html", "deepchecks.html", "model_card.html"}
    assert expected == {path.name for path in (pushed.store / "published").rglob("*") if path.is_file()}

"""Why a stage stopped, kept for the verdict until the stage runs again."""

import pytest

from mlops import stopped
from mlops.errors import CannotRun


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def stop(stage: str, error: Exception) -> None:
    """Let `stage` end with `error`."""
    with pytest.raises(type(error)), stopped.kept(stage):
        raise error


def test_the_sentence_of_a_stage_is_kept():
    """The verdict can say what the terminal said."""
    stop("train", CannotRun("params.yaml: did you mean 'C'?"))
    assert "stage train stopped: params.yaml: did you mean 'C'?" == stopped.why(["train", "evaluate"])


def test_the_first_stage_of_the_pipeline_is_named():
    """What comes after it stopped because of it."""
    stop("evaluate", CannotRun("no model"))
    stop("ingest", CannotRun("no rows"))
    assert "stage ingest stopped: no rows" == stopped.why({"evaluate", "train", "ingest"})


def test_a_stage_that_ends_well_forgets():
    """Yesterday's failure is not today's."""
    stop("train", CannotRun("too few rows"))
    with stopped.kept("train"):
        pass
    assert "" == stopped.why(["train"])


def test_a_stage_that_was_not_asked_about_is_left_out():
    """A stage that is up to date again may have an old sentence lying about."""
    stop("train", CannotRun("too few rows"))
    assert "" == stopped.why(["deepchecks"])


def test_the_words_of_an_unforeseen_error_are_not_kept():
    """They may quote a row, and the verdict is read by everybody."""
    stop("train", ValueError("could not convert string to float: 'Ann'"))
    assert "stage train stopped: ValueError: the log says where" == stopped.why(["train"])


def test_another_verb_leaves_nothing(tmp_path):
    """Only stages of the pipeline can be behind a verdict."""
    stop("search", CannotRun("no values"))
    assert [] == list(tmp_path.rglob("*.txt"))

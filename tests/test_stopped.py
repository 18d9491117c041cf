"""Why a stage stopped, kept for the verdict until the stage runs again."""

import pytest

from mlops import stopped
from mlops.errors import CannotRun
from mlops.files import write_text


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


PIPELINE = """
stages:
  tidy: {cmd: x, deps: [data/raw.csv, src], outs: [data/tidy]}
  ingest: {cmd: x, deps: [data/tidy/all.csv, {data/table.parquet: {}}], outs: [data/raw.parquet: {cache: false}]}
  train: {cmd: x, deps: [data/raw.parquet, "s3://bucket/x"], outs: [models]}
  deepchecks: {cmd: x, deps: [other.csv]}
  each: {foreach: [1], do: {cmd: x, deps: ["${item}"]}}
"""


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline whose files are all there, and one of a stage that nobody asks for is not."""
    for name, text in {"dvc.yaml": PIPELINE, "data/raw.csv": "", "data/table.parquet": "", "src/a.py": ""}.items():
        write_text(tmp_path / name, text)
    return tmp_path


def test_files_that_are_there_or_will_be_made_stop_nothing(pipeline):
    """What a stage makes need not be there yet, nor what only another stage reads."""
    assert "" == stopped.absent(["train", "ingest", "each", "no-such-stage"])
    assert "" == stopped.why(["train"])


@pytest.mark.parametrize(
    ("gone", "stage"), [("data/table.parquet", "ingest"), ("data/raw.csv", "tidy")], ids=["its own", "before it"]
)
def test_a_file_that_is_nowhere_is_named(pipeline, gone, stage):
    """With the stage that reads it and the fix; DVC starts no stage then, so that none can say it."""
    (pipeline / gone).unlink()
    expected = f"dvc.yaml: stage {stage} needs {gone}, which is not there: restore it, or take it out of its deps"
    assert expected == stopped.why(["train"])


def test_a_file_that_the_store_has_is_brought_from_there(pipeline):
    """Where DVC keeps it, the fix is another."""
    (pipeline / "data/table.parquet").rename(pipeline / "data/table.parquet.dvc")
    assert "bring it with `dvc pull data/table.parquet`" in stopped.why(["train"])


@pytest.mark.parametrize("text", [None, "stages: [", "stages: 1", "- a", "stages: {train: 1}"])
def test_a_pipeline_that_cannot_be_read_names_no_file(tmp_path, text):
    """DVC says what is wrong with it."""
    if text:
        write_text(tmp_path / "dvc.yaml", text)
    assert "" == stopped.why(["train"])


def test_another_verb_leaves_nothing(tmp_path):
    """Only stages of the pipeline can be behind a verdict."""
    stop("search", CannotRun("no values"))
    assert [] == list(tmp_path.rglob("*.txt"))

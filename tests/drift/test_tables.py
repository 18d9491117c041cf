"""Any two Parquet files, column by column, in bounded batches."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.drift import distance, tables
from mlops.drift.summary import Numbers, Values
from mlops.errors import CannotRun


@pytest.fixture
def files(tmp_path):
    """Two files of every kind of column, the second one moved."""
    random, paths = np.random.default_rng(0), []
    for moved in (0.0, 0.3):
        frame = pd.DataFrame(
            {
                "number": random.normal(moved, size=4000),
                "whole": random.integers(0, 9, 4000),
                "word": random.choice(["a", "b", None], 4000),
                "kind": pd.Categorical(random.choice(["x", "y"], 4000)),
                "yes": random.random(4000) < 0.5,
                "at": pd.Timestamp("2025-01-01"),
            }
        )
        paths.append(str(tmp_path / f"{moved}.parquet"))
        frame.to_parquet(paths[-1], index=False)
    return paths


def test_each_column_has_the_statistics_of_its_kind(files):
    """Numbers three, values two, a date none."""
    found = {name: [each.name for each in statistics] for name, statistics in tables.compare(*files).items()}
    numbers, values = ["psi", "ks", "wasserstein"], ["psi", "cramers_v"]
    assert {"number": numbers, "whole": numbers, "word": values, "kind": values, "yes": values} == found


def test_batches_change_nothing(files, monkeypatch):
    """The summaries add up."""
    whole = tables.compare(*files)
    monkeypatch.setattr(tables, "BATCH", 333)
    assert whole == tables.compare(*files)


def test_it_is_what_windows_are_asked(files):
    """The same summaries by pandas and by pyarrow, the same numbers."""
    one, other = (pd.read_parquet(path) for path in files)
    found = tables.compare(*files)
    for name, kind, measure in (
        ("number", Numbers, distance.of_numbers),
        ("word", Values, distance.of_values),
        ("kind", Values, distance.of_values),
    ):
        both = []
        for frame in (one, other):
            both.append(kind())
            both[-1].add(frame[name])
        assert measure(*both) == found[name]


def test_only_columns_that_both_have_are_compared(files, tmp_path):
    """One that is gone, or of another kind, is left out."""
    other = pq.read_table(files[1]).select(["number", "word"])
    pq.write_table(other.set_column(1, "word", pa.array(range(4000))), tmp_path / "other.parquet")
    assert ["number"] == list(tables.compare(files[0], str(tmp_path / "other.parquet")))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n"])
def test_what_is_no_parquet_is_refused(files, tmp_path, content):
    """By its name."""
    (tmp_path / "broken.parquet").write_bytes(content)
    with pytest.raises(CannotRun, match=r"broken\.parquet is no readable Parquet file"):
        tables.compare(files[0], str(tmp_path / "broken.parquet"))
    with pytest.raises(CannotRun, match=r"gone\.parquet is no readable Parquet file"):
        tables.compare(str(tmp_path / "gone.parquet"), files[0])


def test_as_a_program_it_prints_json(files, capsys):
    """For whatever reads it."""
    assert 0 == tables.main(files)
    assert {"name", "effect", "p"} == json.loads(capsys.readouterr().out)["number"][0].keys()

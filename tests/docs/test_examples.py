"""What pages show and no command prints: the sources of docs/your-data.md, with a real database and real files behind them; the
head of docs/comment.md.
"""

import sqlite3

import pandas as pd
import pytest

from docs.extract import PAGES, blocks
from mlops.comment.header import header

SHOWN = [
    content
    for language, content in blocks(PAGES["docs/your-data.md"])
    if language == "python" and "def read" in content
]
TABLE = pd.DataFrame(
    {"application_id": [3, 1, 2, 4], "applied_at": ["2024-01-31", "2024-01-01", "2024-02-29", "2024-03-01"], "income": 1.5}
)  # fmt: skip


def source(content: str):
    """The function `read` of an example."""
    given: dict = {}
    exec(compile(content, "docs/your-data.md", "exec"), given)  # noqa: S102 what a person would copy
    return given["read"]


def test_both_examples_are_found():
    """A database and a bucket, as the headings of the page say."""
    assert ["DATABASE_URL", "bucket"] == [
        name for name in ("DATABASE_URL", "bucket") if any(name in each for each in SHOWN)
    ]
    assert 2 == len(SHOWN)


def test_a_database_gives_the_months_that_are_asked_for(tmp_path, monkeypatch):
    """Both ends included, in the order of the ids, dates as dates."""
    with sqlite3.connect(tmp_path / "loans.db") as connection:
        TABLE.to_sql("loans", connection, index=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/loans.db")
    found = source(SHOWN[0])("2024-01", "2024-02", {})
    assert [1, 2, 3] == found["application_id"].tolist()
    assert pd.Timestamp("2024-01-01") == found["applied_at"].iloc[0]


def test_a_bucket_gives_the_months_that_are_asked_for(tmp_path):
    """One file a month, the first and the last included; a folder stands for the bucket."""
    for month in ("2023-12", "2024-01", "2024-02", "2024-03"):
        pd.DataFrame({"month": [month]}).to_parquet(tmp_path / f"{month}.parquet")
    found = source(SHOWN[1])("2024-01", "2024-02", {"bucket": str(tmp_path)})
    assert ["2024-01", "2024-02"] == found["month"].tolist()


def test_a_month_that_is_not_there_is_an_error(tmp_path):
    """No month is left out in silence."""
    with pytest.raises(FileNotFoundError):
        source(SHOWN[1])("2024-01", "2024-01", {"bucket": str(tmp_path)})


def test_the_head_of_the_comment_is_what_main_writes():
    """docs/comment.md shows that of a change of params.yaml whose checks failed."""
    paths, run = ["dvc.lock", "metrics.json", "params.yaml"], "https://github.com/OWNER/REPO/actions/runs/1"
    shown = [line.removeprefix(">").strip() for line in PAGES["docs/comment.md"].splitlines() if line.startswith(">")]
    written = header(paths, "4f0c2d81a7be" + "0" * 28, "failure", run).split("---")[0].strip().splitlines()
    assert written == shown[: len(written)]

"""Figures from real prediction logs: SQLite, PostgreSQL, JSON lines; the same rows give the same figures."""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from mlops.errors import CannotRun
from mlops.rollout.prediction_log import PredictionLog, from_environment
from mlops.serve.record import Record
from mlops.serve.sinks.postgres import Postgres
from mlops.serve.sinks.sqlite import Sqlite
from postgres import Server

OLD, NEW = "a" * 64, "b" * 64


def record(request: str, model: str, arm: str, score: float = 0.5, minutes: float = 1, **more) -> Record:
    """One answer, so many minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    said = {"row": 0, "user_hash": None, "features": {}, "scores": None, "decision": score >= 0.5, "latency_ms": 2.0}
    return Record(at=at, request_id=request, model_hash=model, arm=arm, score=score, **said | more)


def canary() -> list[Record]:
    """300 requests to the champion's arm; 100 to the challenger's, of which the champion answers 3."""
    rng = random.Random(3)
    rows = [record(f"c{n}", OLD, "champion", rng.random()) for n in range(300)]
    return rows + [record(f"n{n}", OLD if n < 3 else NEW, "challenger", rng.random()) for n in range(100)]


def plenty(challenger: int = 5100) -> list[Record]:
    """A quarter of the requests to the challenger's arm, which it answers; both score alike."""
    theirs = [record(f"c{n}", OLD, "champion", n % 97 / 97) for n in range(3 * challenger)]
    return theirs + [record(f"n{n}", NEW, "challenger", n % 97 / 97) for n in range(challenger)]


@pytest.fixture
def sqlite(tmp_path):
    """A function: records -> a log that holds them."""

    def written(records) -> PredictionLog:
        sink = Sqlite(str(tmp_path / "log.db"))
        sink.write(records)
        sink.close()
        return PredictionLog(f"sqlite:///{tmp_path}/log.db")

    return written


@pytest.fixture
def postgres():
    """A running PostgreSQL, with a short path: a socket's may have 107 characters."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        running = Server(Path(folder)).start()
        yield running
        running.stop()


def test_arms_are_counted_by_what_the_router_assigned(sqlite):
    """And answers by the model that gave them."""
    found = sqlite(canary()).measured(600, "canary-25", (OLD, NEW))
    assert (300, 100, 3, 97) == (found.champion.requests, found.challenger.requests, found.elsewhere, found.answered)
    assert (None, 2.0) == (found.challenger.failed, found.challenger.p99)
    assert (300, 97) == (sum(found.champion.scores), sum(found.challenger.scores))


def test_a_dead_challenger_shows_in_the_log_of_the_champion(sqlite):
    """It says nothing itself."""
    rows = [record(f"n{n}", OLD, "challenger") for n in range(20)]
    found = sqlite([*rows, record("c", OLD, "champion")]).measured(600, "canary-05", (OLD, NEW))
    assert (20, 0) == (found.challenger.requests, found.answered)


def test_the_answers_of_a_shadow_are_held_against_the_champions(sqlite):
    """By the request's id; a copy that was not answered is one that failed."""
    theirs = [record(f"r{n}", OLD, "champion", n / 100) for n in range(100)]
    mine = [record(f"r{n}", NEW, "shadow", min(1.0, n / 100 + 0.1)) for n in range(90)]
    found = sqlite(theirs + mine).measured(600, "shadow", (OLD, NEW))
    assert (100, 10) == (found.challenger.requests, found.elsewhere)
    assert (90, pytest.approx(80 / 90)) == found.agreement  # of 40 to 49 the decision turns


def test_numbers_agree_where_they_are_near(sqlite):
    """Within a tenth of the champion's spread."""
    theirs = [record(f"r{n}", OLD, "champion", float(n), decision=float(n)) for n in range(100)]
    mine = [
        record(f"r{n}", NEW, "shadow", n + (2.0 if n < 50 else 4.0), decision=n + (2.0 if n < 50 else 4.0))
        for n in range(100)
    ]
    assert (100, 0.5) == sqlite(theirs + mine).measured(600, "shadow", (OLD, NEW)).agreement


def test_a_batch_is_one_request_of_many_rows(sqlite):
    """Its latency counts once, its scores all."""
    rows = [record("batch", NEW, "challenger", row=n, latency_ms=40.0) for n in range(50)]
    found = sqlite([*rows, record("c", OLD, "champion")]).measured(600, "canary-05", (OLD, NEW))
    assert (1, 40.0, 50) == (found.challenger.requests, found.challenger.p99, sum(found.challenger.scores))


def test_two_images_of_one_model_are_not_told_apart(sqlite):
    """It says so, and takes nobody for dead."""
    found = sqlite([record("c", OLD, "champion"), record("n", OLD, "challenger")]).measured(
        600, "canary-05", (OLD, OLD)
    )
    assert (1, None, 0) == (found.challenger.requests, found.answered, found.due)


def test_only_the_time_that_is_asked_for_counts(sqlite):
    """What is older belongs to another step."""
    rows = [
        record("old", NEW, "challenger", minutes=30),
        record("new", NEW, "challenger"),
        record("c", OLD, "champion"),
    ]
    assert 1 == sqlite(rows).measured(600, "canary-05", (OLD, NEW)).challenger.requests


def test_a_log_may_be_quiet_for_a_while(sqlite):
    """Of a quiet five minutes nothing is known; a log without any answer is another one, or nobody writes it."""
    log = sqlite([record("old", NEW, "challenger", minutes=30)])
    assert (0, 0) == (
        log.measured(600, "canary-05", (OLD, NEW)).challenger.requests,
        log.measured(600, "canary-05", (OLD, NEW)).due,
    )
    assert "has no answer of the last 10 minutes" in str(log.silent(600))


@pytest.mark.parametrize("url", ["sqlite:////nowhere/log.db", "/nowhere/log.jsonl", "sqlite:///{}"])
def test_what_is_no_log_is_refused(url, tmp_path):
    """Neither a file nor rows."""
    (tmp_path / "junk").write_text("not JSON\n")
    with pytest.raises(CannotRun):
        PredictionLog(url.format(tmp_path / "junk")).measured(600, "canary-05", (OLD, NEW))


def test_json_lines_say_the_same(sqlite, tmp_path):
    """As a cluster's log collector keeps them."""
    rows = canary()
    (tmp_path / "log.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(rows))
    lines = PredictionLog(str(tmp_path / "log.jsonl"))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write("a line of somebody else's\n{\n")
    assert sqlite(rows).measured(600, "canary-25", (OLD, NEW)) == lines.measured(600, "canary-25", (OLD, NEW))


@pytest.mark.slow
def test_postgresql_says_the_same(sqlite, postgres):
    """A day's partition, or two."""
    rows, sink = canary(), Postgres(postgres.url)
    sink.write(rows)
    sink.close()
    found = PredictionLog(postgres.url).measured(600, "canary-25", (OLD, NEW))
    expected = sqlite(rows).measured(600, "canary-25", (OLD, NEW))
    assert (expected.challenger.requests, expected.elsewhere) == (found.challenger.requests, found.elsewhere)
    assert expected.champion.scores == found.champion.scores


def test_the_address_comes_from_the_environment():
    """None that is named is none; a password is not shown."""
    assert from_environment({}) is None
    assert "secret" not in repr(from_environment({"PREDICTION_LOG_URL": "postgresql://me:secret@base/log"}))


def test_a_base_that_does_not_answer_is_refused_without_its_password():
    """One sentence."""
    with pytest.raises(CannotRun) as error:
        PredictionLog("postgresql://me:hush@127.0.0.1:1/log").measured(600, "canary-05", (OLD, NEW))
    assert "PostgreSQL does not answer" in str(error.value)
    assert "hush" not in str(error.value)

"""A real PostgreSQL is a prediction log for teams: partitioned by day, and lost by no restart."""

import re
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mlops.errors import CannotRun
from mlops.serve.record import Record
from mlops.serve.sinks.postgres import Postgres

pytestmark = pytest.mark.slow
NOW = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)


def record(**changes) -> Record:
    """A row of the log."""
    values = {
        "at": NOW, "request_id": "r", "row": 0, "user_hash": None, "model_hash": "m", "arm": "none", "features": {"a\t": "b\\\n\"'"},
        "score": 0.5, "scores": None, "decision": True, "latency_ms": 1.5,
    }  # fmt: skip
    return Record(**(values | changes))


def test_answers_are_rows_of_their_day(serve, scorer, server):
    """What was answered is what is found, and the day's partition holds it."""
    running = serve(PREDICTION_LOG=server.url, USER_HASH_KEY="k")
    score = running.predict(scorer().example, x_request_id="a", x_user_id="ann").json["score"]
    running.post("/predict-batch", [scorer().example] * 3, x_request_id="b")
    assert 0 == running.stop()
    assert [("a", 0, score), *[("b", row, score) for row in range(3)]] == server.rows(
        "SELECT request_id, row, score FROM predictions ORDER BY 1, 2"
    )
    assert [(f"predictions_{datetime.now(UTC):%Y%m%d}",)] == server.rows(
        "SELECT DISTINCT tableoid::regclass::text FROM predictions"
    )
    assert [(32,)] == server.rows("SELECT length(user_hash) FROM predictions WHERE request_id = 'a'")


def test_every_value_survives_the_copy(server):
    """Tabs, quotes and backslashes; classes; the ends of a day."""
    sink = Postgres(server.url)
    sink.write([record(), record(row=1, at=NOW + timedelta(seconds=1), decision="own", scores={"own": 0.5})])
    assert [("b\\\n\"'", True, None), ("b\\\n\"'", "own", {"own": 0.5})] == server.rows(
        "SELECT features ->> E'a\\t', decision, scores FROM predictions ORDER BY row"
    )
    assert [("predictions_20260301",), ("predictions_20260302",)] == server.rows(
        "SELECT tableoid::regclass::text FROM predictions ORDER BY 1"
    )
    sink.close()


def test_a_row_that_is_there_stays(server):
    """The same request written again, by another process too."""
    for score in (0.5, 0.7):
        sink = Postgres(server.url)
        sink.write([record(score=score), record(score=score)])
        sink.close()
    assert [(0.5,)] == server.rows("SELECT score FROM predictions")


def test_rows_that_are_there_are_no_new_ones(server):
    """A sink says how many it wrote."""
    sink = Postgres(server.url)
    assert [2, 1] == [sink.write([record(), record(row=1)]), sink.write([record(), record(row=2)])]
    sink.close()


def test_a_reader_does_not_hold_a_new_day_up(server):
    """A query may be open over midnight."""
    sink = Postgres(server.url)
    sink.write([record()])
    with psycopg.connect(server.url) as reader:
        reader.execute("SELECT count(*) FROM predictions")
        sink.write([record(row=1, at=NOW + timedelta(days=5))])
    assert [(2,)] == server.rows("SELECT count(*) FROM predictions")
    sink.close()


def test_a_base_that_hangs_is_away(server):
    """A write gives up where a lock is not given, and succeeds once it is."""
    sink = Postgres(server.url)
    sink.write([record()])
    with psycopg.connect(server.url) as other:
        other.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sink.write([record(row=1)])
    assert 1 == sink.write([record(row=1)])
    sink.close()


def test_a_base_that_is_not_there_is_said_with_its_address():
    """And without the password."""
    with pytest.raises(CannotRun, match="no connection to PostgreSQL: .*port 1 failed") as error:
        Postgres("postgresql://ann:secret@127.0.0.1:1/base").write([record()])
    assert "secret" not in str(error.value)


def test_what_postgres_cannot_hold_is_told_apart_from_a_base_that_is_away(server):
    """A NUL is the row's fault, and no second try mends it; the next batch is written."""
    sink = Postgres(server.url)
    with pytest.raises(ValueError, match="UntranslatableCharacter"):
        sink.write([record(features={"a": "\0"})])
    sink.write([record(row=1)])
    assert [(1,)] == server.rows("SELECT row FROM predictions")
    sink.close()


def test_a_connection_makes_its_tables_once(server):
    """However many batches: each batch's rows are its own, and the catalogue does not grow."""
    sink = Postgres(server.url)
    sink.write([record()])
    (before,) = server.rows("SELECT max(oid::int) FROM pg_class")
    for row in range(1, 6):
        sink.write([record(row=row)])
    assert before == server.rows("SELECT max(oid::int) FROM pg_class")[0]
    assert [(6,)] == server.rows("SELECT count(*) FROM predictions")
    sink.close()


def test_a_table_of_another_schema_is_not_written(server):
    """The sentence says both versions."""
    Postgres(server.url).write([record()])
    with psycopg.connect(server.url) as connection:
        connection.execute("UPDATE predictions_schema SET version = 9")
    with pytest.raises(CannotRun, match="has schema version 9, this service writes 1"):
        Postgres(server.url).write([record(row=1)])


def test_a_restart_in_the_middle_loses_no_row(serve, scorer, server):
    """The service answers while its base is gone, shows it, and writes everything afterwards."""
    running = serve(PREDICTION_LOG=server.url)
    up = lambda: re.search(r"^prediction_log_up{.*} 1\.0$", running.get("/metrics").body.decode(), re.M)  # noqa: E731
    running.predict(scorer().example, x_request_id="before")
    wait(lambda: server.rows("SELECT to_regclass('predictions')") != [(None,)])
    server.stop()
    for place in range(50):
        assert 200 == running.predict(scorer().example, x_request_id=f"while-{place}").status
    wait(lambda: not up())
    server.start()
    wait(up)
    running.predict(scorer().example, x_request_id="after")
    assert 0 == running.stop()
    assert [(52,)] == server.rows("SELECT count(*) FROM predictions")


def test_a_base_that_is_not_there_is_counted_at_the_end(serve, scorer, tmp_path):
    """The service starts, answers, and says what it could not write when it ends."""
    running = serve(PREDICTION_LOG=f"postgresql://postgres@/postgres?host={tmp_path}")
    assert 200 == running.predict(scorer().example).status
    assert 0 == running.stop()
    assert "1 rows could not be written in time and are lost" in running.said()


def wait(condition) -> None:
    """Until it holds."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)

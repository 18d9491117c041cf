"""What is answered is what the pipeline says of the same rows, for every task, one row or many."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mlops.serve import predict
from mlops.serve.entry import Asked
from mlops.serve.log import PredictionLog
from mlops.serve.metrics import Metrics
from mlops.serve.predict import ASIDE
from mlops.serve.scorer import Scorer
from mlops.serve.sinks.off import Off
from serving import lists_of, row_of
from tables import TASKS

PLACES = range(0, 60, 3)


def expected(scorer, rows):
    """Score and decision of each row, as the pipeline has them."""
    score = scorer.model.score(rows)
    return score, scorer.model.decide(score)


@pytest.mark.parametrize("task", TASKS)
def test_a_row_is_scored_as_the_pipeline_scores_it(served, scorer, test_rows, task):
    """Scores within 1e-6 and every decision equal, missing values included."""
    rows, inputs = test_rows(task), scorer(task).rows.inputs
    score, decision = expected(scorer(task), rows)
    for place in PLACES:
        said = served(task).predict(row_of(rows, inputs, place)).json
        if task == "multiclass":
            assert pytest.approx(score[place].tolist(), abs=1e-6) == list(said["scores"].values())
            assert scorer(task).model.classes[decision[place]] == said["decision"]
        else:
            assert pytest.approx(score[place], rel=1e-6) == said["score"]
            assert said["score"] == said["decision"] if task == "regression" else decision[place] == said["decision"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shape", ["rows", "lists"])
def test_a_batch_is_scored_as_the_pipeline_scores_it(served, scorer, test_rows, task, shape):
    """An array of rows and an object of lists mean the same."""
    rows, inputs = test_rows(task), scorer(task).rows.inputs
    score, decision = expected(scorer(task), rows)
    body = lists_of(rows, inputs) if shape == "lists" else [row_of(rows, inputs, place) for place in range(len(rows))]
    said = served(task).post("/predict-batch", body).json
    if task == "multiclass":
        assert np.allclose(score, [list(each.values()) for each in said["scores"]], rtol=0, atol=1e-6)
        decision, score = np.array(scorer(task).model.classes)[decision], score.max(axis=1)
    assert np.allclose(score, said["score"], rtol=1e-6, atol=0)
    assert (said["score"] if task == "regression" else decision.tolist()) == said["decision"]


def test_batches_that_are_scored_beside_each_other_are_answered_each_with_its_own(served, scorer):
    """More than are taken at a time, long enough to be scored in a thread; and single rows between them."""
    ages = [*range(20, 60, 4)]
    rows = {age: scorer().example | {"age": age} for age in ages}
    single = {age: served().predict(row).json["score"] for age, row in rows.items()}
    with ThreadPoolExecutor(len(ages)) as pool:
        answers = pool.map(lambda age: served().post("/predict-batch", [rows[age]] * (2 * ASIDE)).json["score"], ages)
        assert {age: {score} for age, score in single.items()} == dict(zip(ages, map(set, answers), strict=True))


def test_a_batch_is_counted_and_logged_row_by_row(serve, scorer):
    """Scores, broken rules that warn, and what the log was given."""
    running = serve()
    row = scorer().example
    said = running.post("/predict-batch", [row, row | {"years_employed": 75}, row], x_assigned_arm="champion")
    assert {"years_employed": 1} == said.json["warnings"]
    assert "warnings" not in running.post("/predict-batch", [row]).json
    running.predict(row, x_assigned_arm="champion")
    text = running.get("/metrics").body.decode()
    arm = f'arm="champion",model_hash="{scorer().model.hash}"'
    assert f"predict_score_count{{{arm}}} 4.0" in text
    assert f"predict_seconds_count{{{arm}}} 2.0" in text
    assert (
        f'predict_warned_fields_total{{arm="champion",field="years_employed",model_hash="{scorer().model.hash}",rule="contract"}} 1.0'
        in text
    )
    running.stop()
    lines = running.lines()
    assert [0, 1, 2, 0, 0] == [line["row"] for line in lines]
    assert all(line["latency_ms"] > 0 for line in lines)


def test_a_name_that_is_given_twice_is_refused(served, scorer):
    """In a row and in a batch, though each of its values is good."""
    row = json.dumps(scorer().example)
    for path, body in (("/predict", f'{{"age":7,{row[1:]}'), ("/predict-batch", f'[{{"age":7,{row[1:]}]')):
        assert (422, "a name is given twice") == (
            served().post(path, body.encode()).status,
            served().post(path, body.encode()).json["error"],
        )


def test_a_row_answers_while_a_batch_is_scored(scorer, monkeypatch):
    """A large batch is scored beside the event loop, two at a time; a short one does not wait for a turn."""
    made, going, most = Scorer(scorer().model, scorer().table, 2000), 0, 0

    def slow(matrix):
        nonlocal going, most
        going += 1
        most = max(most, going)
        time.sleep(0.2)
        going -= 1
        return scorer().score(matrix)

    score = made.score
    made.score = lambda matrix: slow(matrix) if len(matrix) >= ASIDE else score(matrix)
    work = predict.batch(made, Metrics("m"), PredictionLog(Off(), 100_000, list))
    large, short = (json.dumps([made.example] * rows).encode() for rows in (1000, 1))

    async def together():
        asked = lambda: Asked("r", "none", None, time.perf_counter())  # noqa: E731
        ended = []

        async def one(body, name):
            await work(body, asked())
            ended.append(name)

        await asyncio.gather(*(one(large, "large") for _ in range(4)), one(short, "short"))
        return ended

    assert ["short", *["large"] * 4] == asyncio.run(together())
    assert 2 == most


def test_more_batches_than_may_wait_are_sent_away(scorer, monkeypatch):
    """With 503, not kept in memory."""
    monkeypatch.setattr(predict, "WAITING", 2)
    work = predict.batch(scorer(), Metrics("m"), PredictionLog(Off(), 100_000, list))
    large = json.dumps([scorer().example] * 1000).encode()

    async def together():
        asked = (Asked("r", "none", None, time.perf_counter()) for _ in range(4))
        return await asyncio.gather(*(work(large, each) for each in asked), return_exceptions=True)

    assert [bytes, bytes, 503, 503] == [getattr(each, "status", type(each)) for each in asyncio.run(together())]


def test_a_score_that_is_no_number_is_no_answer(scorer):
    """Of a row, or of one row of a batch."""
    made = Scorer(scorer().model, scorer().table, 10)
    made.score = lambda matrix: np.array([0.5] * (len(matrix) - 1) + [np.nan], dtype=np.float32)
    parts = made, Metrics("m"), PredictionLog(Off(), 100, list)
    asked = Asked("r", "none", None, time.perf_counter())
    with pytest.raises(ValueError, match="no number for this row"):
        predict.row(*parts)(json.dumps(made.example).encode(), asked)
    with pytest.raises(ValueError, match="no number for a row"):
        asyncio.run(predict.batch(*parts)(json.dumps([made.example] * 3).encode(), asked))


def test_an_answer_names_the_model_and_the_request(served, scorer):
    """The model's hash is that of the file; an id that the caller gave comes back, in body and header."""
    said = served().predict(scorer().example, x_request_id="order-77")
    assert (scorer().model.hash, "order-77") == (said.json["model_hash"], said.json["request_id"])
    assert "order-77" == said.headers["x-request-id"]


def test_every_request_has_an_id_of_its_own(served, scorer):
    """Where the caller gave none."""
    ids = {served().predict(scorer().example).json["request_id"] for _ in range(5)}
    assert 5 == len(ids)


def test_a_broken_rule_that_only_warns_is_answered_and_named(served, scorer):
    """`severity: warning` in the contract: the score is given, the column is named, and counted."""
    said = served().predict(scorer().example | {"years_employed": 75})
    assert (200, ["years_employed"]) == (said.status, said.json["warnings"])
    assert 'field="years_employed"' in served().get("/metrics").body.decode()
    assert "warnings" not in served().predict(scorer().example).json


def test_columns_that_the_model_does_not_read_may_be_sent(served, scorer):
    """Id and protected columns are kept or ignored, never scored; the target and unknown names are refused."""
    plain = served().predict(scorer().example).json["score"]
    assert plain == served().predict(scorer().example | {"application_id": "a-1", "gender": "female"}).json["score"]
    assert 422 == served().predict(scorer().example | {"default": 1}).status


def test_rows_are_counted_by_outcome_and_arm(served, scorer):
    """One answered by the challenger's arm, one refused."""
    served().predict(scorer().example, x_assigned_arm="challenger")
    served().predict(b"{", x_assigned_arm="challenger")
    text = served().get("/metrics").body.decode()
    for outcome in ("answered", "refused"):
        assert (
            f'predict_requests_total{{arm="challenger",model_hash="{scorer().model.hash}",outcome="{outcome}"}} 1.0'
            in text
        )


def test_lists_of_different_lengths_are_refused(served, scorer):
    """The column is named, with both lengths."""
    lists = {name: [value, value] for name, value in scorer().example.items()} | {"age": [30]}
    said = served().post("/predict-batch", lists)
    assert (422, "age") == (said.status, said.json["faults"][0]["field"])
    assert "has 1 values, the first column has 2" in said.json["error"]


def test_an_empty_batch_has_an_empty_answer(served, scorer):
    """No row is no fault."""
    assert [] == served().post("/predict-batch", []).json["score"]
    assert [] == served().post("/predict-batch", {name: [] for name in scorer().example}).json["score"]


def test_a_fault_in_a_batch_names_its_row(served, scorer):
    """In either shape."""
    good, bad = scorer().example, scorer().example | {"age": 7}
    as_rows = served().post("/predict-batch", [good, good, bad]).json["faults"][0]
    lists = {name: [value] * 3 for name, value in good.items()} | {"age": [30, 30, 7]}
    as_lists = served().post("/predict-batch", lists).json["faults"][0]
    assert {"field": "age", "rule": "range", "given": "7", "row": 2} == {
        k: v for k, v in as_rows.items() if k != "message"
    }
    assert as_rows == as_lists


def test_a_batch_of_too_many_rows_is_refused(serve, scorer):
    """413, with the number of rows and the limit."""
    small = serve(MAX_ROWS=3)
    assert 200 == small.post("/predict-batch", [scorer().example] * 3).status
    for body in ([scorer().example] * 4, {name: [value] * 4 for name, value in scorer().example.items()}):
        said = small.post("/predict-batch", body)
        assert (413, "4 rows, the limit is 3: send several requests") == (
            said.status,
            said.json["faults"][0]["message"],
        )


def test_a_body_that_is_too_long_is_refused(serve, scorer):
    """By its announced length, or while it comes in pieces."""
    small = serve(MAX_BODY=1024)
    long = json.dumps(scorer().example).encode() + b" " * 1024
    assert 413 == small.post("/predict", long).status
    pieces = (long[at : at + 100] for at in range(0, len(long), 100))
    assert 413 == small.call("POST", "/predict", pieces, content_type="application/json").status
    assert 200 == small.predict(scorer().example).status

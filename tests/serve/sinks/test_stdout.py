"""Standard output is JSON lines."""

from mlops.serve.record import COLUMNS


def test_each_answer_is_a_line(serve, scorer):
    """With every field of a record, in the order in which they were answered, written at the latest when the service ends."""
    running = serve(PREDICTION_LOG="stdout")
    scores = [running.predict(scorer().example | {"age": age}).json["score"] for age in (20, 40, 60)]
    assert 0 == running.stop()
    lines = running.lines()
    assert [list(COLUMNS)] * 3 == [list(line) for line in lines]
    assert scores == [line["score"] for line in lines]


def test_nothing_else_is_written_there(serve, scorer):
    """The service's own words go to standard error; a refused request is no row."""
    running = serve(PREDICTION_LOG="stdout")
    running.predict(b"{")
    assert 0 == running.stop()
    assert [] == running.lines()
    assert '"level": "info"' in running.said()

"""Without a prediction log there is none."""


def test_answers_leave_no_row(serve, scorer):
    """They are answered all the same, and the counter says that they went nowhere by intent."""
    running = serve(PREDICTION_LOG="off")
    assert 200 == running.predict(scorer().example).status
    assert 0 == running.stop()
    assert [] == running.lines()

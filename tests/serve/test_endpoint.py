"""Every request is counted and answered, whatever its work does, and never with a stack trace."""

import asyncio
import json
import logging

import pytest

from mlops.serve.endpoint import endpoint
from mlops.serve.metrics import Metrics
from mlops.serve.refuse import Fault, Refused
from mlops.serve.settings import Settings
from mlops.serve.state import State

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Asking:
    """An endpoint around a function, and what it sends."""

    def __init__(self, work):
        self.metrics, self.state = Metrics("m"), State(Settings(user_hash_key="k"), started=True)
        self.called = endpoint(work, self.metrics, self.state, 10_000)

    def __call__(self, body: bytes = b"{}", **headers) -> tuple[int, dict, dict]:
        """Status, headers and body of the answer."""
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
        asyncio.run(self.called({"type": "http", "headers": named}, receive, send))
        start, end = sent
        return start["status"], dict(start["headers"]), json.loads(end["body"])


def works(body, asked):
    """Say who asked."""
    return json.dumps([body.decode(), asked.id, asked.arm, asked.user_hash is not None]).encode()


def refuses(body, asked):
    """Find two faults."""
    raise Refused(422, [Fault("age", "range", "too old", "200"), Fault("mine", "unknown", "is no column")])


def breaks(body, asked):
    """Be wrong, with somebody's data in the message."""
    raise KeyError("income of Ann Smith")


def test_work_may_be_awaited():
    """An answer that takes its time, and a refusal that does."""

    async def later(body, asked):
        await asyncio.sleep(0)
        return (refuses if body == b"no" else works)(body, asked)

    assert (200, "r-1") == (Asking(later)(b"{}", x_request_id=b"r-1")[0], Asking(later)(x_request_id=b"r-1")[2][1])
    assert 422 == Asking(later)(b"no")[0]


def test_a_refusal_without_a_fault_is_one_all_the_same():
    """A name that is given twice: of the two values the search for faults sees only the last."""

    def twice(body, asked):
        raise Refused(422, [])

    asking = Asking(twice)
    assert (422, "a name is given twice") == (asking()[0], asking()[2]["error"])
    assert 2 == asking.metrics.arms["none"].refused


def test_work_that_is_cut_off_is_counted_and_told_to_come_again():
    """The process ends, and has waited long enough."""

    async def cut(body, asked):
        raise asyncio.CancelledError

    asking = Asking(cut)
    assert (503, "the service ends: send it again") == (asking()[0], asking()[2]["error"])
    assert 2 == asking.metrics.arms["none"].failed


def test_work_is_given_the_body_and_who_asked():
    """Its answer is sent as it is, with the request's id."""
    asking = Asking(works)
    status, headers, body = asking(b"{}", x_request_id=b"r-1", x_assigned_arm=b"challenger", x_user_id=b"ann")
    assert (200, ["{}", "r-1", "challenger", True]) == (status, body)
    assert (b"r-1", b"application/json") == (headers[b"x-request-id"], headers[b"content-type"])
    assert (1, 0, 0) == (
        asking.metrics.arms["challenger"].answered,
        asking.metrics.arms["challenger"].refused,
        asking.metrics.arms["none"].answered,
    )


def test_a_refusal_is_counted_by_field_and_rule():
    """A name that is the caller's own is no label: there would be no end of them."""
    asking = Asking(refuses)
    status, _, body = asking(x_request_id=b"r-1")
    assert (422, "age: too old (and 1 more)", "r-1") == (status, body["error"], body["request_id"])
    assert {("none", "age", "range"): 1, ("none", "", "unknown"): 1} == asking.metrics.rejected
    assert (0, 1, 0) == tuple(getattr(asking.metrics.arms["none"], name) for name in ("answered", "refused", "failed"))


def test_work_that_breaks_is_an_answer_without_its_words(caplog):
    """The log has the trace, with id and traceparent; the caller has the id."""
    asking = Asking(breaks)
    with caplog.at_level(logging.ERROR, "mlops.serve"):
        status, _, body = asking(x_request_id=b"r-1", traceparent=TRACE)
    assert (500, {"error": "the model could not answer; the log says why", "faults": [], "request_id": "r-1"}) == (
        status,
        body,
    )
    assert 1 == asking.metrics.arms["none"].failed
    (record,) = caplog.records
    assert ("r-1", TRACE.decode(), KeyError) == (record.request_id, record.traceparent, record.exc_info[0])


def test_a_traceparent_comes_back():
    """So that a trace goes on behind the service; what is none does not."""
    assert TRACE == Asking(works)(traceparent=TRACE)[1][b"traceparent"]
    assert b"traceparent" not in Asking(works)(traceparent=b"x\r\ny: z")[1]


@pytest.mark.parametrize("draining", [False, True])
def test_a_service_that_drains_closes_its_connections(draining):
    """So that callers come back to another one; else they are kept."""
    asking = Asking(works)
    asking.state.draining = draining
    assert draining == (asking()[1].get(b"connection") == b"close")


def test_every_request_has_a_time():
    """Answered or refused."""
    asking = Asking(refuses)
    asking()
    assert 1 == sum(asking.metrics.arms["none"].seconds.counts)

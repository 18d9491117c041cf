"""What every prediction goes through: plain ASGI around a function of the body. Counts, ids, refusals, and never a stack trace."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec

from mlops.serve import request
from mlops.serve.entry import Asked
from mlops.serve.metrics import Metrics
from mlops.serve.refuse import FAULTS, TWICE, Fault, Refused
from mlops.serve.state import State

logger = logging.getLogger("mlops.serve")
CLOSE = (b"connection", b"close")


class Refusal(msgspec.Struct):
    """What a request is answered with that has no score."""

    error: str
    faults: list[Fault]
    request_id: str


def endpoint(
    work: Callable[[bytes, Asked], bytes | Awaitable[bytes]], metrics: Metrics, state: State, most: int
) -> Callable:
    """Return the ASGI function that answers a body of at most `most` bytes with `work(body, asked)`, which raises Refused."""
    key = state.settings.user_hash_key.encode()
    whose = b"x-model-hash", metrics.model_hash.encode()  # by it the router knows an answer of ours

    async def called(scope, receive, send) -> None:
        start = time.perf_counter()
        headers = dict(scope["headers"])
        asked = Asked(request.identity(headers), request.arm(headers), request.user_hash(headers, key), start)
        counts = metrics.arms[asked.arm]
        try:
            try:
                status, answer = 200, work(await request.body(headers, receive, most), asked)
                if not isinstance(answer, bytes):
                    answer = await answer
                counts.answered += 1
            except Refused as refused:
                status, answer = refused.status, _refusal(refused, asked, metrics)
                counts.refused += 1
        except asyncio.CancelledError:  # the process ends, and has waited long enough
            status, answer = 503, _failure("the service ends: send it again", asked)
            counts.failed += 1
        except Exception:
            logger.exception(
                "a prediction failed", extra={"request_id": asked.id, "traceparent": request.trace(headers)}
            )
            status, answer = 500, _failure("the model could not answer; the log says why", asked)
            counts.failed += 1
        about = [(b"x-request-id", asked.id.encode()), whose]
        if b"traceparent" in headers and (trace := request.trace(headers)):
            about.append((b"traceparent", trace.encode()))
        if state.draining:
            about.append(CLOSE)
        await request.send_json(send, status, answer, about)
        counts.seconds.add(time.perf_counter() - start)

    return called


def _failure(error: str, asked: Asked) -> bytes:
    return msgspec.json.encode(Refusal(error, [], asked.id))


def _refusal(refused: Refused, asked: Asked, metrics: Metrics) -> bytes:
    faults = refused.faults or [TWICE]
    for fault in faults:  # a name that is no column is the caller's: labels of theirs would be without end
        metrics.rejected[asked.arm, "" if fault.rule == "unknown" else fault.field, fault.rule] += 1
    first = faults[0]
    error = f"{first.field}: {first.message}" if first.field else first.message
    if len(faults) > 1:
        many = "at least " if len(faults) == FAULTS else ""  # nobody counted on
        error += f" (and {many}{len(faults) - 1} more)"
    return msgspec.json.encode(Refusal(error, faults, asked.id))

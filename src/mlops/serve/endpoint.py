"""What every prediction goes through: plain ASGI around a function of the body. Counts, ids, refusals, and never a stack trace."""

import logging
import time
from collections.abc import Awaitable, Callable

import msgspec

from mlops.serve import request
from mlops.serve.entry import Asked
from mlops.serve.metrics import Metrics
from mlops.serve.refuse import Fault, Refused
from mlops.serve.state import State

logger = logging.getLogger("mlops.serve")
CLOSE = (b"connection", b"close")


class Refusal(msgspec.Struct):
    """What a request is answered with that has no score."""

    error: str
    faults: list[Fault]
    request_id: str


def endpoint(work: Callable[[bytes, Asked], bytes | Awaitable[bytes]], metrics: Metrics, state: State) -> Callable:
    """Return the ASGI function that answers a body with `work(body, asked)`, which raises Refused."""
    most, key = state.settings.max_body, state.settings.user_hash_key.encode()[:64]  # bytes that BLAKE2 takes

    async def called(scope, receive, send) -> None:
        start = time.perf_counter()
        headers = dict(scope["headers"])
        asked = Asked(request.identity(headers), request.arm(headers), request.user_hash(headers, key), start)
        counts = metrics.arms[asked.arm]
        try:
            status, answer = 200, work(await request.body(headers, receive, most), asked)
            if not isinstance(answer, bytes):
                answer = await answer
            counts.answered += 1
        except Refused as refused:
            status, answer = refused.status, _refusal(refused, asked, metrics)
            counts.refused += 1
        except Exception:
            logger.exception(
                "a prediction failed", extra={"request_id": asked.id, "traceparent": request.trace(headers)}
            )
            status, answer = (
                500,
                msgspec.json.encode(Refusal("the model could not answer; the log says why", [], asked.id)),
            )
            counts.failed += 1
        about = [(b"x-request-id", asked.id.encode())]
        if b"traceparent" in headers and (trace := request.trace(headers)):
            about.append((b"traceparent", trace.encode()))
        if state.draining:
            about.append(CLOSE)
        await request.send_json(send, status, answer, about)
        counts.seconds.add(time.perf_counter() - start)

    return called


def _refusal(refused: Refused, asked: Asked, metrics: Metrics) -> bytes:
    for fault in refused.faults:  # a name that is no column is the caller's: labels of theirs would be without end
        metrics.rejected["" if fault.rule == "unknown" else fault.field, fault.rule] += 1
    first = refused.faults[0]
    error = f"{first.field}: {first.message}" if first.field else first.message
    if len(refused.faults) > 1:
        error += f" (and {len(refused.faults) - 1} more)"
    return msgspec.json.encode(Refusal(error, refused.faults, asked.id))

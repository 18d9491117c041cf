"""What is answered: one row, or a batch. A row costs one parse, one validation, one inference, one serialisation, one queue put."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
from msgspec.structs import astuple

from mlops.serve import refuse
from mlops.serve.entry import Asked, Entry
from mlops.serve.log import PredictionLog
from mlops.serve.metrics import Metrics
from mlops.serve.rows import BROKEN
from mlops.serve.scorer import Scorer

ASIDE = 200  # rows from which on a batch is scored in a thread, so that single rows need not wait for it
BATCHES = 2  # large ones taken at a time: one is read while the other is scored; others wait as bytes
WAITING = 32  # of them; more are refused
SHORT = 65_536  # bytes of a body below which a batch does not wait its turn


def row(scorer: Scorer, metrics: Metrics, log: PredictionLog) -> Callable[[bytes, Asked], bytes]:
    """Return POST /predict: the body of one row -> its answer."""
    decode, encode = msgspec.json.Decoder(scorer.rows.row).decode, msgspec.json.Encoder().encode
    model_hash, arms, watched = scorer.model.hash, metrics.arms, scorer.watches

    def answered(body: bytes, asked: Asked) -> bytes:
        try:
            held = decode(body)
        except BROKEN:
            raise refuse.row(body, scorer.rows) from None
        (score,), (decision,), scores = scorer.read(scorer.score(scorer.one(held)))
        if score - score != 0:
            raise ValueError("the model gives no number for this row")
        answer = scorer.answer(score=score, decision=decision, model_hash=model_hash, request_id=asked.id)
        if scores is not None:
            answer.scores = scores[0]
        if watched and (warnings := scorer.warnings(astuple(held))):
            answer.warnings = warnings
            metrics.warned.update((asked.arm, name, "contract") for name in warnings)
        arms[asked.arm].score.add(score)
        log.put(
            Entry(time.time(), asked, held, score, decision, answer.scores, 1000 * (time.perf_counter() - asked.start)),
            1,
            len(body),
        )
        return encode(answer)

    return answered


def batch(scorer: Scorer, metrics: Metrics, log: PredictionLog) -> Callable[[bytes, Asked], Awaitable[bytes]]:
    """Return POST /predict-batch: the body of many rows, as an array of rows or as lists, a list a column -> their answers."""
    decode, encode = msgspec.json.Decoder(scorer.rows.batch).decode, msgspec.json.Encoder().encode
    turn, waiting = asyncio.Semaphore(BATCHES), 0

    async def answered(body: bytes, asked: Asked) -> bytes:
        nonlocal waiting
        if len(body) < SHORT:
            return await whole(body, asked)
        if waiting >= WAITING:
            raise refuse.malformed("too many batches wait: send it again in a second", 503)
        waiting += 1
        try:
            async with turn:
                return await whole(body, asked)
        finally:
            waiting -= 1

    async def whole(body: bytes, asked: Asked) -> bytes:
        try:
            held = decode(body)
        except BROKEN:
            raise refuse.batch(body, scorer.rows, scorer.max_rows) from None
        values = scorer.rows.values(held)
        if not isinstance(held, list) and (wrong := refuse.lengths(scorer.lengths(values))):
            raise wrong
        matrix = scorer.many(values)
        found = scorer.score(matrix) if len(matrix) < ASIDE else await asyncio.to_thread(scorer.score, matrix)
        if not np.isfinite(found).all():
            raise ValueError("the model gives no number for a row")
        score, decision, scores = scorer.read(found)
        warned = scorer.warned(values)
        metrics.warned.update({(asked.arm, name, "contract"): rows for name, rows in warned.items()})
        metrics.arms[asked.arm].score.add_all(score)
        answer = scorer.answers(
            score=score,
            decision=decision,
            model_hash=scorer.model.hash,
            request_id=asked.id,
            scores=scores,
            warnings=warned or None,
        )
        log.put(
            Entry(time.time(), asked, values, score, decision, scores, 1000 * (time.perf_counter() - asked.start)),
            len(score),
            len(body),
        )
        return encode(answer)

    return answered

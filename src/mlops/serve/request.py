"""What is read of a request beside its body, and how an answer is sent: plain ASGI, once for each."""

import asyncio
import itertools
import os
import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from mlops.serve.metrics import ARMS
from mlops.serve.refuse import Refused, malformed

ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
TRACE = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, version 00
ARM = {arm.encode(): arm for arm in ARMS}
SLOWEST = 20  # seconds that a body may take
_process, _count = os.urandom(8).hex(), itertools.count()


def identity(headers: dict[bytes, bytes]) -> str:
    """Return the caller's x-request-id, where it is one of at most 64 plain characters; else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and ID.fullmatch(given):
        return given.decode()
    return f"{_process}-{next(_count):x}"


def trace(headers: dict[bytes, bytes]) -> str | None:
    """Return the caller's traceparent, where it is one."""
    given = headers.get(b"traceparent")
    return given.decode() if given is not None and TRACE.fullmatch(given) else None


def arm(headers: dict[bytes, bytes]) -> str:
    """Return the arm that the router assigned; `none` without a router."""
    return ARM.get(headers.get(b"x-assigned-arm", b""), "none")


def user_hash(headers: dict[bytes, bytes], key: bytes) -> str | None:
    """Return the keyed hash (BLAKE2, 16 bytes) of x-user-id; None without either."""
    user = headers.get(b"x-user-id")
    return blake2b(user, key=key, digest_size=16).hexdigest() if key and user else None


async def body(headers: dict[bytes, bytes], receive: Callable[[], Awaitable], most: int) -> bytes:
    """Return the request's body; raises Refused where it is no JSON or longer than `most` bytes."""
    kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if kind != b"application/json" and not kind.endswith(b"+json"):
        raise malformed("the content type must be application/json", 415)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise malformed("a compressed body is not read: send it as it is", 415)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most:
        raise _too_long(most)
    message = await receive()
    if not message.get("more_body"):
        return _whole(message.get("body", b""), most)
    try:
        async with asyncio.timeout(SLOWEST):
            return await _parts(message, receive, most)
    except TimeoutError:
        raise malformed(f"the body was not whole after {SLOWEST} s", 408) from None


async def _parts(message: dict, receive: Callable[[], Awaitable], most: int) -> bytes:
    parts, size = [message.get("body", b"")], len(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise malformed("the connection was closed before the body was whole")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_long(most)
    return b"".join(parts)


def _whole(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _too_long(most)
    return body


def _too_long(most: int) -> Refused:
    return malformed(f"the body is longer than {most:,} bytes: send several requests", 413)


async def send_json(send: Callable, status: int, body: bytes, about: list[tuple[bytes, bytes]]) -> None:
    """Send a JSON answer with the headers `about`."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *about]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

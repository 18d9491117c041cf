"""Callers over HTTP/1.1 with connections that they keep, out of the way of what they call: at 300 requests/s 8 % of a core.

As kube-proxy does, a new connection goes to one of the endpoints that there are now, and an open one stays where it is.
"""

import asyncio
import gc
import random
import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import uvloop

USERS = 997
PATIENCE = 20  # seconds after which an answer counts as none
HEAD = re.compile(rb"HTTP/1.1 (\d{3})")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
HASH = re.compile(rb"\r\nx-model-hash: ([^\r]*)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request met. at: when it was due, on the monotonic clock; seconds: from then on.

    status 0: no answer, or none that was whole, and `error` says why. begun: some of it had come.
    """

    at: float
    seconds: float
    user: str
    status: int
    model: str = ""
    error: str = ""
    begun: bool = False


def post(path: str, body: bytes, user: str, more: str = "") -> bytes:
    """Return a request as it goes over the wire; more: lines of its head."""
    head = f"POST {path} HTTP/1.1\r\nhost: model\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}x-user-id: {user}\r\n{more}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self):
        self.held, self.waiter, self.open = b"", None, True

    def connection_made(self, transport) -> None:
        """It is there."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Wake who waits where the answer is whole."""
        self.held += data
        head, found, body = self.held.partition(b"\r\n\r\n")
        if found and len(body) >= int((LENGTH.search(head) or [0, 0])[1]):
            self.held = b""
            if CLOSES.search(head):
                self.open = False
                self.transport.close()
            if self.waiter and not self.waiter.done():
                self.waiter.set_result(head)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self.open = False
        if self.waiter and not self.waiter.done():
            self.waiter.set_exception(ConnectionError(f"closed before the answer was whole: {error}"))

    async def ask(self, request: bytes) -> bytes:
        """Return the head of the answer."""
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await asyncio.wait_for(self.waiter, PATIENCE)


class Pool:
    """`size` connections that are used in turn, more where all of them wait, and endpoints to which new ones go."""

    def __init__(self, ports: list[int], size: int):
        self.ports, self.size, self.idle, self.busy = ports, size, deque(), 0

    async def ask(self, request: bytes, user: str, at: float) -> Answer:
        """Send a request, never a second time, and return what it met."""
        self.busy += 1
        connection = None
        try:
            connection = self._rested() or await self._opened()
            head = await connection.ask(request)
            if connection.open:
                self.idle.append(connection)
        except (OSError, TimeoutError) as error:
            begun = connection is not None and bool(connection.held)
            return Answer(at, time.monotonic() - at, user, 0, error=f"{type(error).__name__} {error}", begun=begun)
        finally:
            self.busy -= 1
        model = HASH.search(head)
        return Answer(at, time.monotonic() - at, user, int(HEAD.match(head)[1]), model[1].decode() if model else "")

    def _rested(self) -> Connection | None:
        while self.idle and len(self.idle) + self.busy > self.size:
            if (connection := self.idle.popleft()).open:
                return connection
        return None

    async def _opened(self) -> Connection:
        port = random.choice(self.ports)
        return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]


def answers(port: int, requests: Iterable[tuple[str, bytes]], connections: int = 16) -> list[Answer]:
    """Send (user, request) pairs as fast as they are answered."""
    pool, requests = Pool([port], connections), iter(requests)

    async def caller() -> list[Answer]:
        return [await pool.ask(request, user, time.monotonic()) for user, request in requests]

    async def all_of_them() -> list[Answer]:
        return [answer for part in await asyncio.gather(*(caller() for _ in range(connections))) for answer in part]

    return uvloop.run(all_of_them())


class Load(threading.Thread):
    """`rate` requests a second, whatever their answers take, of many users in turn, while the block under `with` runs.

    The list `ports` may be changed meanwhile.
    """

    def __init__(self, ports: list[int], body: bytes, rate: float = 300, connections: int = 64, path: str = "/predict"):
        super().__init__()
        self.pool, self.rate, self.answers, self.ended = Pool(ports, connections), rate, [], threading.Event()
        self.started = 0.0
        self.requests = [(f"u{user}", post(path, body, f"u{user}")) for user in range(USERS)]

    def run(self) -> None:
        """Send until told to end, then wait for what was sent."""
        uvloop.run(self._send())

    async def _send(self) -> None:
        self.started, sent, tasks = time.monotonic(), 0, set()
        while not self.ended.is_set():
            at = self.started + sent / self.rate
            if (ahead := at - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            user, request = self.requests[sent % len(self.requests)]
            task = asyncio.ensure_future(self._one(request, user, at))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.gather(*tasks)

    async def _one(self, request: bytes, user: str, at: float) -> None:
        self.answers.append(await self.pool.ask(request, user, at))

    def __enter__(self):
        gc.collect()
        gc.disable()  # a pause of the caller's would be counted as the router's
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        gc.enable()

    def between(self, start: float, end: float) -> list[Answer]:
        """The answers to requests that were due then."""
        return [answer for answer in self.answers if start <= answer.at < end]

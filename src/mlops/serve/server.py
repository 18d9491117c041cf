"""One process that listens: uvicorn, with a drain between SIGTERM and the end."""

import asyncio
import json
import logging
import signal
import socket
import sys
import threading
from datetime import UTC, datetime

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlops.errors import CannotRun
from mlops.serve.service import Service, service
from mlops.serve.settings import Settings
from mlops.serve.state import State

SWITCH = 0.0005  # seconds after which the log's thread gives way to an answer; Python's own 5 ms is ten answers long
KEEP_ALIVE = 75  # seconds that an idle connection stays open: longer than a proxy's, which would meet a closed one
GRACE = 15  # seconds that requests which were taken may still need

logger = logging.getLogger("mlops.serve")


class Server(uvicorn.Server):
    """uvicorn that, told to end, first says that it is not ready and still answers, and then ends with exit code 0."""

    def __init__(self, config: uvicorn.Config, state: State):
        super().__init__(config)
        self.told = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        if self.started:
            host, port = sockets[0].getsockname()[:2]
            logger.info("listening on http://%s:%d", host, port)

    def handle_exit(self, sig: int, frame) -> None:
        """Drain on the first SIGTERM; end at once on SIGINT, or on a second signal."""
        if sig == signal.SIGTERM and not self.told.draining and self.told.settings.drain_seconds:
            self.told.draining = True
            timer = threading.Timer(self.told.settings.drain_seconds, self._end)
            timer.daemon = True
            timer.start()
        elif self.should_exit:
            self.force_exit = True
        else:
            self._end()

    def _end(self) -> None:
        self.told.draining = self.should_exit = True


class Joined:
    """A transport that holds back the head of an answer until its body comes, or the loop turns: one write, whole or not at all."""

    def __init__(self, transport: asyncio.Transport):
        self._transport, self._head, self._later = transport, b"", asyncio.get_running_loop().call_soon

    def __getattr__(self, name: str):
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep a head; write anything else, behind the head that is kept."""
        if not self._head and data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._later(self._flush)
            return
        head, self._head = self._head, b""
        self._transport.write(head + data)

    def close(self) -> None:
        """Write what is kept, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class Protocol(HttpToolsProtocol):
    """HTTP whose answers are one write each: a process that is stopped between two would leave half an answer, which no router mends."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.transport = Joined(transport)


class Lines(logging.Formatter):
    """A line of JSON a message; standard output belongs to the prediction log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in ("request_id", "traceparent") if (value := getattr(record, name, None))}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def run(settings: Settings) -> int:
    """Serve until told to end; returns the exit code."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.setswitchinterval(SWITCH)
    with listening(settings) as listener:
        app = service(settings)
        server = Server(_config(app, settings), app.state.service)
        try:
            server.run(sockets=[listener])
        finally:
            app.state.log.close()  # a second signal makes uvicorn leave out what it does at the end
    return 0 if server.started else 2


def listening(settings: Settings) -> socket.socket:
    """Return a bound socket; raises CannotRun where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.listen, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        raise CannotRun(
            f"LISTEN={settings.listen} PORT={settings.port} cannot be listened on ({error.strerror}): "
            "name an address of this machine, and a port that is free"
        ) from None
    return found


def _config(app: Service, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app, host=settings.listen, port=settings.port, loop="uvloop", http=Protocol, lifespan="on", log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=GRACE, timeout_keep_alive=KEEP_ALIVE,
    )  # fmt: skip

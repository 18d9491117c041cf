"""One process that listens: uvicorn, with a drain between SIGTERM and the end."""

import json
import logging
import signal
import sys
import threading
from datetime import UTC, datetime

import uvicorn

from mlops.serve.service import Service, service
from mlops.serve.settings import Settings
from mlops.serve.state import State

SWITCH = 0.0005  # seconds after which the log's thread gives way to an answer; Python's own 5 ms is ten answers long
GRACE = 30  # seconds that requests which were taken may still need


class Server(uvicorn.Server):
    """uvicorn that, told to end, first says that it is not ready and still answers, and then ends with exit code 0."""

    def __init__(self, config: uvicorn.Config, state: State):
        super().__init__(config)
        self.told = state

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


class Lines(logging.Formatter):
    """A line of JSON a message; standard output belongs to the prediction log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
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
    app = service(settings)
    server = Server(_config(app, settings), app.state.service)
    server.run()
    return 0 if server.started else 2


def _config(app: Service, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app, host=settings.listen, port=settings.port, loop="uvloop", http="httptools", lifespan="on", log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=GRACE,
    )  # fmt: skip

"""A chat's incoming webhook on loopback: real HTTP, and what it was told."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Chat:
    """`url` is its address, which is a secret; `heard` what it was told; `answers` the statuses of its next answers."""

    def __init__(self):
        self.heard, self.answers = [], []

    @property
    def texts(self) -> list[str]:
        """The lines, as people read them."""
        return [each["text"] for _, each in self.heard]

    def answer(self, kind: str, body: bytes) -> int:
        """Keep what comes, and return a status."""
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.heard.append((kind, json.loads(body)))
        return status


@contextmanager
def listening():
    """Yield a chat that listens."""
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status = chat.answer(
                self.headers["Content-Type"], self.rfile.read(int(self.headers.get("Content-Length") or 0))
            )
            if status:
                self.send_response(status)
                self.send_header("Location", "/login")
                self.end_headers()
            else:
                self.wfile.write(b"no HTTP at all\r\n")

        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Says nothing: `heard` holds it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        chat.url = f"http://127.0.0.1:{server.server_port}/hooks/s3cr3t"
        yield chat
        server.shutdown()

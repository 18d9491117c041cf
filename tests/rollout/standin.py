"""What a challenger may be instead of a service: `python tests/rollout/standin.py PORT KIND [SECONDS]` listens as soon as the port is free.

KIND is error (500, as a model that cannot answer), junk (200, from something that is no model) or slow (200, after SECONDS).
"""

import asyncio
import socket
import sys
import time

import uvicorn

OURS = (b"x-model-hash", b"0" * 64)
KINDS = {"error": (500, [OURS]), "junk": (200, []), "slow": (200, [OURS])}


def bound(port: int) -> socket.socket:
    """Return a socket on this port, once whoever has it is gone."""
    while True:
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", port))
            return found
        except OSError:
            found.close()
            time.sleep(0.005)


def application(kind: str, seconds: float):
    """Return the ASGI application of that kind."""
    status, headers = KINDS[kind]

    async def called(scope, receive, send) -> None:
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(seconds)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2"), *headers]})
        await send({"type": "http.response.body", "body": b"{}"})

    return called


if __name__ == "__main__":
    port, kind, *seconds = sys.argv[1:]
    app = application(kind, float(seconds[0]) if seconds else 0)
    config = uvicorn.Config(app, lifespan="off", log_level="error", access_log=False, server_header=False)
    uvicorn.Server(config).run([bound(int(port))])

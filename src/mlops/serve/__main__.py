"""Serve the current model. Run: python -m mlops.serve (see mlops.serve.settings for its variables)."""

import os
import signal
import sys

from mlops.errors import CannotRun

if __name__ == "__main__":
    # As process 1 of a container it would be ignored until uvicorn listens to it. At once, as nothing is lost before: SystemExit
    # is swallowed where it is raised in a finalizer, or under a bare `except`.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        from mlops.serve import server, settings

        sys.exit(server.run(settings.read(os.environ)))
    except CannotRun as error:
        print(f"mlops.serve: {error}", file=sys.stderr)
        sys.exit(2)

"""Serve the current model. Run: python -m mlops.serve (see mlops.serve.settings for its variables)."""

import os
import sys

from mlops.errors import CannotRun

if __name__ == "__main__":
    try:
        from mlops.serve import server, settings

        sys.exit(server.run(settings.read(os.environ)))
    except CannotRun as error:
        print(f"mlops.serve: {error}", file=sys.stderr)
        sys.exit(2)

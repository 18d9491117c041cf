"""The environment of Evidently and NannyML, whose pandas is an older one: made where it is missing, as `make setup-monitor` makes it."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-monitor"


def python() -> Path:
    """Return its Python."""
    if not (FOLDER / "bin/python").exists():
        command = ["uv", "sync", "--frozen", "--quiet", "--no-default-groups", "--group", "monitor"]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"UV_PROJECT_ENVIRONMENT": FOLDER.name}, check=True)
    return FOLDER / "bin/python"

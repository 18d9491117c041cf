"""Verb `push`: send the pipeline's outputs to the store that DVC_REMOTE_URL names. Run: mlops push."""

import subprocess
import sys

from mlops import dvc
from mlops.errors import CannotRun
from mlops.github import report


def run(args) -> None:
    """Push every output and the run cache; neutral where no store is named, CannotRun where it cannot be written."""
    url = dvc.configure_remote()
    if url is None:
        report("DVC remote: not configured (DVC_REMOTE_URL is not set).")
        return
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "push", "--run-cache", "--quiet"],
        env=dvc.environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        why = dvc.shown(f"{url}: {' '.join(done.stderr.split())[-200:]}")
        raise CannotRun(
            f"nothing or not everything reached DVC_REMOTE_URL {why}; check the address and its credentials"
        )
    report(f"DVC remote: {dvc.shown(url)} has every output.")

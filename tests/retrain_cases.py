"""A challenger as `mlops retrain` leaves it on a real remote: what tests of its pull request begin with."""

import json
from dataclasses import replace

import rollout_cases
from mlops.params import Window
from mlops.paths import DRIFT_REPORT, LOCK, METRICS, PARAMS, RETRAIN_REPORT
from mlops.retrain import retrain
from mlops.retrain.made import Made
from remote import Remote

OLD, NEW = "a" * 64, "d" * 64  # models: the champion's, and the challenger's
WINDOW = Window(start="2025-12", end="2026-09")
PAUSED = rollout_cases.PARAMS.replace("paused: false", "paused: true")
TITLE = f"Retrain on 2025-12 to 2026-09: {NEW[:12]}"
REPORTS = {
    RETRAIN_REPORT: "# Retrain\n\n**The challenger is better, and proposed.**\n",
    DRIFT_REPORT: "# Drift\n\ndebt\n",
}


def files(model: str = NEW, params: str = rollout_cases.PARAMS) -> dict[str, str]:
    """What a challenger changes of main."""
    metrics, lock = json.dumps({"model_hash": model}) + "\n", f"stages: {{train: {model[:4]}}}\n"
    return {PARAMS: retrain._moved(params, WINDOW), LOCK: lock, METRICS: metrics}


def main(folder, prod: str = rollout_cases.STABLE) -> Remote:
    """A remote whose main has the champion's files, and what an image is made of."""
    image = {"Dockerfile": "FROM scratch\n", ".dockerignore": "*\n!src\n!metrics.json\n", "src/a.py": "1\n"}
    before = {name: text for name, text in files(OLD).items() if name != PARAMS}
    return rollout_cases.main(folder, prod, **image, **before, **{".gitignore": "build/\nreports/\n"})


def made(remote: Remote, **changed) -> Made:
    """A challenger on today's main, with other values."""
    return replace(Made(remote.head("main"), TITLE, NEW, files(), REPORTS), **changed)

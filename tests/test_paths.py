"""Every file name has one place, and is what the pipeline really writes."""

import subprocess
from pathlib import Path

import yaml

from copies import SAMPLE
from mlops import paths

ROOT = Path(__file__).parents[1]
NAMES = {name: value for name, value in vars(paths).items() if name.isupper() and isinstance(value, str)}
BY_VERBS = {
    "VERDICT",
    "REPORT",
    "REPORT_PAGE",
    "STOPPED",
    "IMAGE",
    "IMAGE_ABOUT",
    "SCAN",
    "SCANNED",
    "SARIF",
    "SBOM",
    "DRIFT",
    "DRIFT_REPORT",
    "DRIFT_PAGE",
    "EVIDENTLY_PAGE",
    "DRIFT_HISTORY",
    "RETRAINED",
    "RETRAIN_REPORT",
}
BY_PEOPLE = {"CONTRACT", "PARAMS", "TABLE", "BASE", "OVERLAYS", "OVERLAY", "TRIVYIGNORE"}


def outputs() -> set[str]:
    """The outputs of all stages of dvc.yaml."""
    stages = yaml.safe_load((SAMPLE / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    outs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    return {next(iter(out)) if isinstance(out, dict) else out for out in outs}


def test_what_a_stage_writes_is_an_output_of_the_pipeline():
    """A file that DVC does not know would be stale for ever; {} stands for a name."""
    made = outputs()
    lost = [
        value
        for name, value in NAMES.items()
        if name not in BY_VERBS | BY_PEOPLE | {"LOCK"}
        and not any(value == out or Path(out) in Path(value).parents or value.split("{}")[0] in out for out in made)
    ]
    assert [] == lost


def test_every_output_of_the_pipeline_has_a_name():
    """No stage writes what the code calls by a word of its own."""
    named = list(NAMES.values())
    unnamed = [
        out
        for out in outputs()
        if not any(value == out or Path(out) in Path(value).parents or value.split("{}")[0] in out for value in named)
    ]
    assert [] == unnamed


def test_the_owners_room_is_made_of_what_people_review():
    """What `adopt` replaces and an upgrade leaves alone: files of this repository, none of them ignored by git."""
    ignored = subprocess.run(["git", "check-ignore", *paths.OWNERS], cwd=ROOT, capture_output=True, text=True).stdout
    assert "" == ignored
    assert {"data", "src/model", "tests/model", *NAMES.values()} > {*paths.OWNERS} - {"dvc.yaml"}


def test_git_keeps_what_people_review_and_nothing_that_is_made():
    """Contract, params, an own table, lock, figures and what a scan lets pass are committed; what is made is found by its hash."""
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *NAMES.values()], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    kept = {
        "data/contract.yaml",
        "data/table.parquet",
        "params.yaml",
        "dvc.lock",
        "metrics.json",
        paths.TRIVYIGNORE,
        paths.BASE,
        paths.OVERLAYS,
        paths.OVERLAY,
    }
    assert kept == {*NAMES.values()} - {*ignored}

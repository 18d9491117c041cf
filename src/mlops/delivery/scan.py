"""Verb `scan`: are there known holes in the image? Run: mlops scan [--archive build/image.tar], or mlops scan --config. Needs trivy.

Of severity HIGH and CRITICAL, and only what has a fix. --config looks at the Dockerfile and the rendered manifests instead. What is
let pass is in .trivyignore.yaml, each entry with its reason and its day.
"""

import json
import subprocess
import tarfile
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from mlops import github
from mlops.config import Strict, load
from mlops.delivery import overlay
from mlops.delivery.image import opened
from mlops.delivery.render import rendered
from mlops.errors import CannotRun
from mlops.files import read_json, whole, write_text
from mlops.paths import IMAGE, OVERLAY, SARIF, SBOM, SCAN, TRIVYIGNORE

SEVERITY = ("--severity", "HIGH,CRITICAL")
LONGEST = 90  # days that something may be let pass
KINDS = {"os-pkgs": "the base's packages", "lang-pkgs": "Python's packages"}  # an image of ours has both


class Entry(Strict):
    """What is let pass: its id (of one file or package), why, and until when."""

    id: str
    paths: list[str] = []
    purls: list[str] = []
    statement: Annotated[str, Field(min_length=10)]
    expired_at: date


class Ignored(Strict):
    """The whole of .trivyignore.yaml."""

    vulnerabilities: list[Entry] = []
    misconfigurations: list[Entry] = []


def add_arguments(parser) -> None:
    """Add what is looked at."""
    parser.add_argument("--archive", default=IMAGE, help=f"an OCI archive (default: {IMAGE})")
    parser.add_argument("--config", action="store_true", help="the Dockerfile and the manifests, not an image")


def run(args) -> int:
    """Return 1 where something is found."""
    bounded()
    found = configured() if args.config else scanned(args.archive)
    for line in found:
        print(f"scan: {line}")
    what = "Dockerfile and manifests" if args.config else "image"
    github.report(
        f"scan of the {what}: {f'{len(found)} found of severity high or critical' if found else 'nothing found'}"
    )
    return int(bool(found))


def bounded(today: date | None = None, root=".") -> None:
    """Raise CannotRun where something is let pass for longer than LONGEST days; what has expired trivy itself no longer lets pass."""
    ignored, last = load(TRIVYIGNORE, Ignored, root), (today or date.today()) + timedelta(days=LONGEST)
    for entry in (*ignored.vulnerabilities, *ignored.misconfigurations):
        if entry.expired_at > last:
            raise CannotRun(
                f"{TRIVYIGNORE}: {entry.id} is let pass until {entry.expired_at}, longer than {LONGEST} days: name a day up to {last}"
            )


def scanned(archive: str) -> list[str]:
    """Write report, SARIF and SBOM of an image; return what was found. Raises CannotRun where trivy saw nothing to judge."""
    opened(archive)  # every part of it is what its digest says
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")  # trivy reads OCI's layout as a folder alone
        report = (
            "--format",
            "json",
            "--list-all-pkgs",
            "--ignorefile",
            TRIVYIGNORE,
            "--ignore-unfixed",
            "--scanners",
            "vuln",
        )
        _written(SCAN, "image", "--input", folder, *SEVERITY, *report)
    results = _results(SCAN)
    absent = KINDS.keys() - {result.get("Class") for result in results if result.get("Packages")}
    if absent:
        raise CannotRun(
            f"trivy saw none of {' and '.join(KINDS[kind] for kind in sorted(absent))} in {archive}: this is no scan of it"
        )
    for out, kind in ((SBOM, "cyclonedx"), (SARIF, "sarif")):
        _written(out, "convert", "--format", kind, source=SCAN)
    return [_vulnerability(each) for result in results for each in result.get("Vulnerabilities") or []]


def configured() -> list[str]:
    """Return what trivy finds in the Dockerfile and in every environment's manifests, as they are rendered."""
    with tempfile.TemporaryDirectory() as folder:
        write_text(Path(folder, "Dockerfile"), Path("Dockerfile").read_text(encoding="utf-8"))
        for environment in overlay.environments():
            objects = rendered(Path(OVERLAY.format(environment)).parent)
            write_text(Path(folder, f"{environment}.yaml"), yaml.safe_dump_all(objects))
        out = str(Path(folder, "found.json"))
        # the checks that are in the binary, whose version is pinned: what is red today is red tomorrow
        words = ("--format", "json", "--skip-check-update", "--ignorefile", TRIVYIGNORE)
        _written(out, "config", *SEVERITY, *words, source=folder)
        results = _results(out)
    if not results:
        raise CannotRun("trivy saw neither the Dockerfile nor a manifest: this is no scan of them")
    return [
        f"{result['Target']}: {each['ID']} {each['Severity']} {each['Message']}"
        for result in results
        for each in result.get("Misconfigurations") or []
        if each.get("Status", "FAIL") == "FAIL"
    ]


def _vulnerability(each: dict) -> str:
    fix = f"{each['InstalledVersion']}, mended in {each.get('FixedVersion', '?')}"
    return f"{each['VulnerabilityID']} {each['Severity']} {each['PkgName']} {fix}"


def _results(path: str) -> list[dict]:
    found = read_json(path, "trivy wrote no report: run this job again")
    return found.get("Results") or []


def _written(out: str, *words: str, source: str = "") -> None:
    """Let trivy write `out`, whole or not at all; whatever stops it is no scan."""
    with whole(out) as part:
        command = ["trivy", words[0], "--quiet", "--output", str(part), *words[1:], *([source] if source else [])]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise CannotRun("trivy is not installed here: the scan is its; CI has it") from None
        if done.returncode or not _is_json(part):
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1][-400:]
            raise CannotRun(
                f"trivy could not look ({said}): nothing is let through; run this job again, or name a mirror in TRIVY_DB_REPOSITORY"
            )


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False

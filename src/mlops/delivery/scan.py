"""Verb `scan`: are there known holes in the image? Run: mlops scan [--archive build/image.tar], or mlops scan --config. Needs trivy.

Of severity HIGH and CRITICAL, and only what has a fix. --config looks at the Dockerfile and the rendered manifests instead. What is
let pass is in .trivyignore.yaml, each entry with its reason and its day.
"""

import json
import shutil
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
from mlops.delivery.registry import inherited
from mlops.delivery.render import rendered
from mlops.errors import CannotRun
from mlops.files import read_json, whole, write_json, write_text
from mlops.paths import IMAGE, OVERLAY, SARIF, SBOM, SCAN, SCANNED, TRIVYIGNORE

SEVERITY = ("--severity", "HIGH,CRITICAL")
LAYOUT = "build/oci"  # always the same: findings and SBOM name it
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
    parser.add_argument("--digest", help="what the job that built it says")
    parser.add_argument("--config", action="store_true", help="the Dockerfile and the manifests, not an image")


def run(args) -> int:
    """Return 1 where something is found."""
    bounded()
    found = configured() if args.config else scanned(args.archive, args.digest)
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


def scanned(archive: str, digest: str | None = None) -> list[str]:
    """Write report, SARIF and SBOM of an image; return what was found.

    Raises CannotRun where trivy saw nothing to judge, where nobody writes advisories for the base any more, and where the archive
    is not the image `digest`.
    """
    found, _ = opened(archive)  # every part of it is what its digest says
    if digest not in (None, found):
        raise CannotRun(f"{archive} is {found}, {digest} was built: this is another image")
    Path(SCANNED).unlink(missing_ok=True)
    shutil.rmtree(LAYOUT, ignore_errors=True)
    with tarfile.open(archive) as file:
        file.extractall(LAYOUT, filter="data")  # trivy reads OCI's layout as a folder alone
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
    _written(SCAN, "image", "--input", LAYOUT, *SEVERITY, *report)
    shutil.rmtree(LAYOUT)
    results = judgeable(archive)
    for out, kind in ((SBOM, "cyclonedx"), (SARIF, "sarif")):
        _written(out, "convert", "--format", kind, source=SCAN)
    write_json(SCANNED, {"digest": found})
    return [_vulnerability(each) for result in results for each in result.get("Vulnerabilities") or []]


def judgeable(archive: str) -> list[dict]:
    """Return the results of a report from which something can be concluded; raises CannotRun where nothing can."""
    said = read_json(SCAN, "trivy wrote no report: run this job again")
    results, system = said.get("Results") or [], (said.get("Metadata") or {}).get("OS") or {}
    absent = KINDS.keys() - {result.get("Class") for result in results if result.get("Packages")}
    if absent:
        names = " and ".join(KINDS[kind] for kind in sorted(absent))
        raise CannotRun(f"trivy saw none of {names} in {archive}: this is no scan of it")
    if system.get("EOSL"):
        name = f"{system.get('Family')} {system.get('Name')}"
        raise CannotRun(
            f"nobody writes advisories for {name} any more, so its holes are not known: name a newer BASE in the Dockerfile"
        )
    return results


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
        results = read_json(out, "trivy wrote no report: run this job again").get("Results") or []
        names = sorted(path.name for path in Path(folder).iterdir() if path.name != Path(out).name)
    seen = {Path(result.get("Target", "")).name for result in results}
    if unseen := [name for name in names if name not in seen]:
        raise CannotRun(f"trivy did not look at {', '.join(unseen)}: this is no scan of it")
    return [
        f"{result['Target']}: {each['ID']} {each['Severity']} {each['Message']}"
        for result in results
        for each in result.get("Misconfigurations") or []
        if each.get("Status", "FAIL") == "FAIL"
    ]


def _vulnerability(each: dict) -> str:
    fix = f"{each['InstalledVersion']}, mended in {each.get('FixedVersion', '?')}"
    return f"{each['VulnerabilityID']} {each['Severity']} {each['PkgName']} {fix}"


def _written(out: str, *words: str, source: str = "") -> None:
    """Let trivy write `out`, whole or not at all; whatever stops it is no scan."""
    with whole(out) as part:
        command = ["trivy", words[0], "--quiet", "--output", str(part), *words[1:], *([source] if source else [])]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment())
        except FileNotFoundError:
            raise CannotRun("trivy is not installed here: the scan is its; CI has it") from None
        if done.returncode or not _is_json(part):
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1][-400:]
            fix = (
                "run this job again, or name a mirror in the variable TRIVY_DB_REPOSITORY"
                if words[0] == "image"
                else "run this job again"
            )
            raise CannotRun(f"trivy {words[0]} could not look ({said}): nothing is let through; {fix}")


def environment() -> dict[str, str]:
    """Return trivy's environment: no token, and no mirror where none is named."""
    return {name: value for name, value in inherited().items() if value or name != "TRIVY_DB_REPOSITORY"}


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False

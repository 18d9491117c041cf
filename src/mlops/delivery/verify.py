"""Verb `verify`: are the bytes here the ones that were reviewed? Run: mlops verify.

DVC takes what a cache restores at its word; here every output is hashed again, against the lock that the commit has.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from mlops import github
from mlops.baseline import parse_metrics
from mlops.dvc import git, parse_lock
from mlops.errors import CannotRun
from mlops.files import sha256
from mlops.paths import LOCK, METRICS, MODEL

BLOCK = 1 << 20
REVIEWED = {"train", "evaluate"}  # stages without which nothing was reviewed


def run(args) -> int:
    """Return 1 where an output is not what the commit's lock names; what differs is said, and in the step's summary."""
    found = list(faults())
    for fault in found:
        github.report(f"not what was reviewed: {fault}")
    github.report(
        f"verify: {f'{len(found)} faults: nothing is released' if found else 'every output is what was reviewed'}"
    )
    return int(bool(found))


def faults(root=".") -> Iterator[str]:
    """Yield what differs from HEAD's dvc.lock and metrics.json; raises CannotRun where the commit has none."""
    texts = {name: git("show", f"HEAD:{name}", root=root, check=False) for name in (LOCK, METRICS)}
    for name, text in texts.items():
        if text is None:
            raise CannotRun(f"the commit has no {name}, so nothing says what was reviewed: run `make pr` and commit it")
    stages = parse_lock(texts[LOCK])["stages"]
    if missing := sorted(REVIEWED - set(stages)):
        yield f"{LOCK} has no stage {', '.join(missing)}"
    for stage, values in stages.items():
        for out in values.get("outs", []):
            here = md5(Path(root, out["path"]))
            if here is None:
                yield f"{out['path']} of stage {stage} is not there"
            elif here != out.get("md5"):
                yield f"{out['path']} of stage {stage} is {here[:12]}, {LOCK} names {str(out.get('md5'))[:12]}"
    judged, model = parse_metrics(texts[METRICS], METRICS)["model_hash"], Path(root, MODEL)
    found = sha256(model.read_bytes()) if model.exists() else "not there"
    if found != judged:
        yield f"{MODEL} is {found[:12]}, {METRICS} names {judged[:12]}"


def md5(path: Path) -> str | None:
    """Return the hash that DVC 3 gives a file, or a folder (`.dir`: of the list of its files' hashes); None where nothing is."""
    if path.is_dir():
        files = sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
        listed = [{"md5": _of_file(path / name), "relpath": name} for name in files]
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
    return _of_file(path) if path.exists() else None


def _of_file(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

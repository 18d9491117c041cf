"""Verb `lock`: take dvc.lock and metrics.json of a pull request from CI's artifact, check them, commit them.

Run: mlops lock --pr 12 (make lock PR=12), on the pull request's branch. For people whose machine is not the reference.
"""

import json
import os
import re
import subprocess
from hashlib import md5
from pathlib import Path

import yaml

from mlops import artifact, baseline, dvc
from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.github import GitHub, from_environment
from mlops.paths import FINGERPRINT, LOCK, METRICS, PARAMS
from mlops.pipeline.fingerprint import fingerprints

WORKFLOW = "pull-request.yml"


def add_arguments(parser) -> None:
    """Add --pr."""
    parser.add_argument("--pr", type=int, required=True, help="number of the pull request")


def run(args) -> None:
    """Commit CI's dvc.lock and metrics.json; raises CannotRun, with nothing written, where they are not of this tree."""
    if dvc.git("status", "--porcelain", "--", LOCK, METRICS):
        raise CannotRun(
            f"{LOCK} or {METRICS} has changes of yours: commit or drop them with `git checkout -- {LOCK} {METRICS}`"
        )
    lock, metrics = taken(from_environment(surroundings()), args.pr)
    check(lock, metrics)
    write_text(LOCK, lock)
    write_text(METRICS, metrics)
    if dvc.git("status", "--porcelain", "--", LOCK, METRICS):
        dvc.git("add", "--", LOCK, METRICS)
        dvc.git("commit", "--quiet", "-m", f"Take {LOCK} and {METRICS} from CI", "--", LOCK, METRICS)
        print(f"lock: committed {LOCK} and {METRICS} of pull request {args.pr}; `git push` sends them")
    else:
        print("lock: both files are already those of CI")


def surroundings(env=os.environ) -> dict[str, str]:
    """Return the environment with GITHUB_REPOSITORY (from origin) and GITHUB_TOKEN (from `gh`), where they are not set."""
    origin = dvc.git("remote", "get-url", "origin", check=False) or ""
    named = re.search(r"[:/]([\w.-]+/[\w.-]+?)(\.git)?/?$", origin)
    token = env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or _gh_token()
    return {
        **env,
        "GITHUB_REPOSITORY": env.get("GITHUB_REPOSITORY") or (named[1] if named else ""),
        "GITHUB_TOKEN": token,
    }


def taken(hub: GitHub, number: int) -> tuple[str, str]:
    """Return the text of dvc.lock and metrics.json from the newest finished run on the pull request's head, which must be HEAD."""
    head, here = hub.get(f"pulls/{number}")["head"]["sha"], dvc.git("rev-parse", "HEAD")
    if head != here:
        raise CannotRun(
            f"pull request {number} is at {head[:12]} and this folder at {here[:12]}: run `gh pr checkout {number}` and push what you have"
        )
    runs = hub.pages(f"actions/workflows/{WORKFLOW}/runs", key="workflow_runs", head_sha=head)
    finished = [found for found in runs if found["status"] == "completed"]
    if not finished:
        raise CannotRun(
            f"no finished run of {WORKFLOW} on {head[:12]}: wait for the checks of pull request {number}, then run it again"
        )
    newest = max(finished, key=lambda found: found["id"])
    try:
        lock, metrics = artifact.read(hub, newest["id"], "lock", LOCK, METRICS)
        return lock.decode("utf-8"), metrics.decode("utf-8")
    except artifact.Unusable as reason:
        raise CannotRun(
            f"run {newest['id']} gives no lock, because {reason}: run `make pr` on an x86-64 machine instead"
        ) from None
    except UnicodeDecodeError:
        raise CannotRun(
            f"the lock of run {newest['id']} is not text: run `make pr` on an x86-64 machine instead"
        ) from None


def check(lock_text: str, metrics_text: str, root=".") -> None:
    """Raise CannotRun where the two files are not what the pipeline of the tree at `root` can have written.

    Held: the stages and commands of dvc.yaml, the values of params.yaml, the fingerprints of code and contract, each input as
    the output it comes from, and metrics.json as the lock names it. Not held: that the training was honest; release verifies.
    """
    if re.search(r"(^|\s)[&*]\w", lock_text):  # DVC writes none, and nested ones grow without end
        raise CannotRun(f"CI's {LOCK} has YAML aliases: run `make pr` on an x86-64 machine instead")
    try:
        _check(lock_text, metrics_text, root)
    except (KeyError, TypeError, AttributeError):
        raise CannotRun(f"CI's {LOCK} is no lock of DVC: run `make pr` on an x86-64 machine instead") from None


def _check(lock_text: str, metrics_text: str, root) -> None:
    stages = dvc.parse_lock(lock_text, f"CI's {LOCK}")["stages"]
    pipeline = yaml.safe_load((Path(root) / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    _same("its stages", sorted(stages.keys() & pipeline.keys()), sorted(pipeline))
    stages = {name: stages[name] for name in pipeline}  # DVC keeps stages that are no more
    for name, stage in stages.items():
        _same(f"what stage {name} names", _named(stage), _asked(pipeline[name]))
    files = {PARAMS: yaml.safe_load((Path(root) / PARAMS).read_text(encoding="utf-8")), FINGERPRINT: fingerprints(root)}
    outs = {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    for name, stage in stages.items():
        _same(f"the command of stage {name}", stage["cmd"], pipeline[name]["cmd"])
        for file, values in stage.get("params", {}).items():
            for key, value in values.items():
                _same(f"{file}: {key} in stage {name}", value, _value(files.get(file, {}), key))
        for dep in stage.get("deps", []):
            _same(f"{dep['path']} in stage {name}", dep["md5"], outs.get(dep["path"]))
    _same(METRICS, outs.get(METRICS), md5(metrics_text.encode(), usedforsecurity=False).hexdigest())
    baseline.parse_metrics(metrics_text, f"CI's {METRICS}")


def _named(stage: dict) -> dict:
    """Return the names of a stage's params, inputs and outputs, as the lock has them."""
    params = sorted(f"{file}: {key}" for file, values in stage.get("params", {}).items() for key in values)
    return {"params": params} | {
        kind: sorted(item["path"] for item in stage.get(kind, [])) for kind in ("deps", "outs")
    }


def _asked(stage: dict) -> dict:
    """Return the same of dvc.yaml: a param is a key of params.yaml, or {file: [keys]}; metrics and plots are outputs."""
    params = []
    for entry in stage.get("params", []):
        files = {PARAMS: [entry]} if isinstance(entry, str) else entry
        params += [f"{file}: {key}" for file, keys in files.items() for key in keys]
    outs = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    names = sorted(next(iter(out)) if isinstance(out, dict) else out for out in outs)
    return {"params": sorted(params), "deps": sorted(stage.get("deps", [])), "outs": names}


def _value(values, key: str):
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _same(what: str, found, expected) -> None:
    if json.dumps(found, sort_keys=True, default=str) != json.dumps(expected, sort_keys=True, default=str):
        raise CannotRun(
            f"CI's {LOCK} is of another tree ({what} differs): update the branch to main, push, wait for its checks, and try again"
        )


def _gh_token() -> str:
    try:
        return subprocess.run(["gh", "auth", "token"], capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""

"""Why a stage stopped: the sentence it ended with, kept until it runs again, so that verdict and comment say it too."""

import os
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import yaml

from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.paths import STOPPED

ORDER = ("fingerprint", "ingest", "validate", "prepare", "train", "evaluate", "behaviour", "deepchecks")


@contextmanager
def kept(verb: str | None):
    """Keep the sentence with which stage `verb` ends, where it does not end well; other verbs leave nothing."""
    if verb not in ORDER:
        yield
        return
    path = Path(STOPPED.format(verb))
    path.unlink(missing_ok=True)
    try:
        yield
    except CannotRun as error:
        write_text(path, str(error))
        raise
    except Exception as error:  # its words may quote a row
        write_text(path, f"{type(error).__name__}: the log says where")
        raise


def why(stages: Iterable[str], root=".") -> str:
    """Return what the first of `stages`, in the order of the pipeline, stopped with; "" where none of them did.

    A stage that DVC does not start, because a file that it reads is nowhere, comes before those that started.
    """
    asked = set(stages)
    lacking = absent(asked, root)
    if lacking:
        return lacking
    for stage in ORDER:
        path = Path(root) / STOPPED.format(stage)
        if stage in asked and path.is_file():
            return f"stage {stage} stopped: {path.read_text(encoding='utf-8')}"
    return ""


def absent(stages: Iterable[str], root=".") -> str:
    """Return which file that `stages`, or what they need, read is neither there nor made by a stage; "" where there is none."""
    pipeline = _pipeline(root)
    makers = {_inside(stage, out): name for name, stage in pipeline.items() for out in _outs(stage)}
    due, seen = list(stages), set()
    while due:
        name = due.pop(0)
        seen.add(name)
        for dep in _names(pipeline.get(name, {}), "deps"):
            path = _inside(pipeline[name], dep)
            made = [makers[out] for out in makers if _within(path, out) or _within(out, path)]
            if not made and "://" not in dep and "$" not in dep and not os.path.lexists(Path(root) / path):
                return _lacking(name, path, root)
            due += [maker for maker in made if maker not in seen]
    return ""


def _lacking(stage: str, path: str, root) -> str:
    kept = (Path(root) / f"{path}.dvc").exists()
    bring = f"bring it with `dvc pull {path}`, from the store that DVC_REMOTE_URL names" if kept else "restore it"
    return f"dvc.yaml: stage {stage} needs {path}, which is not there: {bring}, or take it out of its deps"


def _pipeline(root) -> dict[str, dict]:
    """Return the stages of dvc.yaml, those that DVC makes of a template left out; {} where it cannot be read."""
    try:
        stages = yaml.safe_load((Path(root) / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
        return {name: stage for name, stage in stages.items() if isinstance(stage, dict) and "cmd" in stage}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError):
        return {}


def _outs(stage: dict) -> list[str]:
    return [name for kind in ("outs", "metrics", "plots") for name in _names(stage, kind)]


def _names(stage: dict, kind: str) -> list[str]:
    return [next(iter(item)) if isinstance(item, dict) else str(item) for item in stage.get(kind) or []]


def _inside(stage: dict, path: str) -> str:
    return os.path.normpath(os.path.join(stage.get("wdir", ""), path))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")

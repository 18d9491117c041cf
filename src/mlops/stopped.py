"""Why a stage stopped: the sentence it ended with, kept until it runs again, so that verdict and comment say it too."""

from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

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
    """Return what the first of `stages`, in the order of the pipeline, stopped with; "" where none of them did."""
    asked = set(stages)
    for stage in ORDER:
        path = Path(root) / STOPPED.format(stage)
        if stage in asked and path.is_file():
            return f"stage {stage} stopped: {path.read_text(encoding='utf-8')}"
    return ""

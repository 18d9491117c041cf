"""Verb `repro`: run the pipeline's stages, what changed and nothing else. Run: mlops repro [stage ...]."""

import platform
from contextlib import contextmanager
from pathlib import Path

from mlops import dvc, params, stopped
from mlops.errors import CannotRun
from mlops.paths import LOCK, METRICS

STAGES = ("evaluate", "behaviour", "deepchecks")


def add_arguments(parser) -> None:
    """Add the stages."""
    parser.add_argument("stages", nargs="*", default=list(STAGES), help=f"default: {' '.join(STAGES)}")


def run(args) -> int:
    """Run the stages asked for; 2 where one of them failed."""
    with lock_of_reference():
        return 2 if repro(args.stages) else 0


def repro(stages) -> int:
    """Run `stages` and what they need; return DVC's exit code.

    Raises CannotRun with what DVC itself, which is quiet, stopped for: a file that is not there, a dvc.yaml that is none.
    """
    params.read()  # a misspelt key is one sentence here, before DVC starts
    pull = ("--pull",) if dvc.configure_remote() else ()
    code = dvc.repro(stages, options=("--keep-going", "--quiet", *pull))
    if code:
        dvc.status()
        lacking = stopped.absent(stages)
        if lacking:
            raise CannotRun(lacking)
    return code


@contextmanager
def lock_of_reference(cpuinfo: str = "/proc/cpuinfo"):
    """Put dvc.lock and metrics.json back at the end, on a machine whose arithmetic may differ from the reference."""
    before = {path: path.read_bytes() for path in map(Path, (LOCK, METRICS)) if path.exists()}
    try:
        yield
    finally:
        for path, data in before.items():  # DVC takes an output away before its stage writes it anew
            if not path.exists():
                path.write_bytes(data)
        if not reference_machine(cpuinfo):
            for path, data in before.items():
                path.write_bytes(data)
            print(
                "this machine is not x86-64 with AVX2: dvc.lock and metrics.json are left as they were, `make lock` takes CI's"
            )


def reference_machine(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """Whether training here gives the bytes that the lock names: x86-64 Linux with AVX2 and FMA."""
    path = Path(cpuinfo)
    flags = path.read_text().split() if path.exists() else []
    return platform.machine() == "x86_64" and {"avx2", "fma"} <= set(flags)

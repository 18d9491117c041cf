"""What the image is built of, held without building it: tests/serve/test_image.py builds and runs it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ADMITTED = [
    line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
]
LOADED = "import sys, mlops.serve.server, mlops.serve.sinks.postgres; print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('mlops')))"


def test_what_the_service_imports_is_what_is_admitted():
    """A module more would be missing in the image, one less would be there for nothing."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    names = {str(Path(path).relative_to(ROOT)) for path in done.stdout.split()}
    outside = {name for name in names if not name.startswith("src/mlops/serve/")}
    assert outside | {"src/mlops/serve"} == {name for name in ADMITTED if name.startswith("src/")}


def test_everything_else_is_left_out():
    """The list begins with all."""
    assert "*" == (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1]
    assert {"pyproject.toml", "uv.lock", "data/contract.yaml", "models/model.onnx", "metrics.json"} == {
        name for name in ADMITTED if not name.startswith("src/")
    }


def test_the_base_is_named_by_its_digest():
    """And nothing is built from another one."""
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert {"${BASE}", "scratch"} == set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))


def test_uv_is_the_makefiles():
    """One version of what installs."""
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [version] == re.findall(r"uv==(\S+)", DOCKERFILE)

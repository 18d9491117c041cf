"""What the tests of images need beside a fixture: the programs, and a build by the verb."""

import os
import shutil
import subprocess

import pytest

from images import base
from mlops.dvc import environment

TOOLS = ("buildah", "podman", "runc", "skopeo", "mmdebstrap", "docker-registry")
MISSING = [name for name in TOOLS if not shutil.which(name)]
needs_images = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("CI"), reason=f"needs {', '.join(MISSING)}; .ci/run has them"
)


def build_image(tree) -> None:
    """Build the image of a tree by its own verb."""
    words = ["--tool", "buildah", "--base-image", base()]
    subprocess.run(["mlops", "image", *words], cwd=tree, check=True, env=environment(tree))

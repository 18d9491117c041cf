"""Verb `sign`: attach SBOM and provenance to an image in the registry, and sign it. Run: mlops sign --repository R --digest D.

The signature comes last: an image that has it has all of them.
"""

import os
import re
import tempfile
from pathlib import Path

from mlops import github
from mlops.delivery import registry, signature
from mlops.delivery.build_key import ours
from mlops.delivery.overlay import Image
from mlops.errors import CannotRun
from mlops.files import read_json, write_json
from mlops.paths import SBOM, SCANNED

BUILD_TYPE = "https://actions.github.io/buildtypes/workflow/v1"


def add_arguments(parser) -> None:
    """Add what is signed."""
    parser.add_argument("--repository", required=True, help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="what `push-image` says")
    parser.add_argument("--sbom", default=SBOM, help=f"what `scan` wrote (default: {SBOM})")


def run(args) -> int:
    """Sign, unless it is signed."""
    image = Image(registry.repository(args.repository), args.digest)
    with registry.login(image.repository):
        found = registry.find(image.repository, image.digest)
        if found is None:
            raise CannotRun(f"{image} is not there: push it first")
        ours(str(image), found.labels)
        if signature.fault(image):
            _sign(found, args.sbom)
        github.report(f"{image} is signed by {signature.signer()}", digest=image.digest)
    return 0


def _sign(found: registry.Found, sbom: str) -> None:
    if not Path(sbom).is_file():
        raise CannotRun(f"{sbom} is not there: `mlops scan` writes it")
    if (scanned := read_json(SCANNED, "`mlops scan` writes it")["digest"]) != found.image.digest:
        raise CannotRun(f"{sbom} is of {scanned}, and {found.image.digest} is to be signed: it was not scanned")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "provenance.json")
        write_json(made, provenance(found))
        signature.attest(found.image, "cyclonedx", sbom)
        signature.attest(found.image, "slsaprovenance1", str(made))
    signature.sign(found.image)


def provenance(found: registry.Found, env=os.environ) -> dict:
    """Return the predicate of SLSA's provenance v1 (slsa.dev/provenance/v1) of an image that a workflow has built."""
    server = env.get("GITHUB_SERVER_URL") or "https://github.com"
    home = f"{server}/{env.get('GITHUB_REPOSITORY', '')}"
    path, _, ref = (
        env.get("GITHUB_WORKFLOW_REF", "").removeprefix(f"{env.get('GITHUB_REPOSITORY', '')}/").partition("@")
    )
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"workflow": {"ref": ref, "repository": home, "path": path}},
            "internalParameters": {"github": {"event_name": env.get("GITHUB_EVENT_NAME", "")}},
            "resolvedDependencies": [
                {"uri": f"git+{home}@{ref}", "digest": {"gitCommit": found.label("commit")}},
                {"uri": "models/model.onnx", "digest": {"sha256": found.label("model-hash")}},
                {"uri": "training data", "digest": {"sha256": found.label("data-hash")}},
                *base(),
            ],
        },
        "runDetails": {
            "builder": {"id": signature.signer(env)},
            "metadata": {
                "invocationId": f"{home}/actions/runs/{env.get('GITHUB_RUN_ID', '')}/attempts/{env.get('GITHUB_RUN_ATTEMPT', '')}"
            },
        },
    }


def base() -> list[dict]:
    """Return the image that the Dockerfile builds on, where it names it by digest."""
    found = re.search(r"^ARG BASE=(\S+)@sha256:([0-9a-f]{64})$", Path("Dockerfile").read_text(encoding="utf-8"), re.M)
    return [{"uri": f"docker://{found[1]}", "digest": {"sha256": found[2]}}] if found else []

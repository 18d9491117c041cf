"""Signatures of images by cosign, keyless: the certificate says which workflow of which repository signed. Needs cosign.

Who signs is image.yml of main. Whatever anybody else signed is not signed.
"""

import json
import os
import subprocess
import time

from mlops.delivery.overlay import Image
from mlops.delivery.registry import inherited
from mlops.errors import CannotRun

WORKFLOW = ".github/workflows/image.yml"
ISSUER = "https://token.actions.githubusercontent.com"
SIGNATURE = (
    "https://sigstore.dev/cosign/sign/v1"  # what a signature says it is; `verify` takes an attestation for one too
)
NONE = (10, 11, 12, 13)  # cosign's exit codes for: no signature, no such image, none that matches, no certificate
AGAIN = (1.0, 4.0)  # seconds between looks
OTHERS = "no matching"  # what it says, with exit code 1, of what another has signed


def signer(env=os.environ) -> str:
    """Return who signs, as the certificate names it: image.yml of this repository's main."""
    repository = env.get("GITHUB_REPOSITORY", "")
    if not repository:
        raise CannotRun("GITHUB_REPOSITORY is empty: set it to owner/name, whose workflow signs")
    return f"{env.get('GITHUB_SERVER_URL') or 'https://github.com'}/{repository}/{WORKFLOW}@refs/heads/main"


def fault(image: Image) -> str:
    """Return why an image is not signed by our workflow, "" where it is.

    Raises CannotRun where that cannot be found out: no cosign, no answer from the registry or from Sigstore. cosign takes a failed
    request for a signature for none (3.0.6), so what it does not find is looked for again.
    """
    for wait in AGAIN:
        if not _fault(image):
            return ""
        time.sleep(wait)
    return _fault(image)


def _fault(image: Image) -> str:
    who = signer()
    certificate = {
        "identity": who, "oidc-issuer": ISSUER,
        # the identity is the called workflow's: a branch, or another repository, that calls it has it too
        "github-workflow-repository": os.environ["GITHUB_REPOSITORY"], "github-workflow-ref": "refs/heads/main",
    }  # fmt: skip
    asked = [word for name, value in certificate.items() for word in (f"--certificate-{name}", value)]
    done = _cosign("verify", *asked, str(image))
    if done.returncode in NONE or (done.returncode and OTHERS in done.stderr):
        return f"{image} is not signed by {who}"
    if done.returncode:
        raise CannotRun(f"whether {image} is signed cannot be found out ({_said(done)}): run this job again")
    signed = [claim for claim in _claims(done.stdout) if claim.get("type") == SIGNATURE]
    if not any(claim.get("image", {}).get("docker-manifest-digest") == image.digest for claim in signed):
        return f"{image} has attestations and no signature: its job died before it had signed"
    return ""


def attest(image: Image, kind: str, predicate: str) -> None:
    """Attach what the file `predicate` says of an image, of cosign's predicate type `kind`, signed."""
    done = _cosign("attest", "--yes", "--type", kind, "--predicate", predicate, str(image))
    if done.returncode:
        raise CannotRun(f"{kind} of {image} could not be attached ({_said(done)}): run this job again")


def sign(image: Image) -> None:
    """Sign an image: by this image counts as released."""
    done = _cosign("sign", "--yes", str(image))
    if done.returncode:
        raise CannotRun(
            f"{image} could not be signed ({_said(done)}): does the job have `id-token: write`? Run it again"
        )


def _claims(text: str) -> list[dict]:
    try:
        return [{**entry["critical"]} for entry in json.loads(text)]
    except (ValueError, KeyError, TypeError):
        raise CannotRun(f"cosign verified something that is no list of claims: {text[:100]!r}") from None


def _cosign(*words: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(["cosign", *words], capture_output=True, text=True, env=inherited())
    except FileNotFoundError:
        raise CannotRun("cosign is not installed here: signatures are made and looked at by it") from None


def _said(done: subprocess.CompletedProcess) -> str:
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1][-300:]

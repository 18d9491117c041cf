"""Signed is what image.yml of main has signed; what cosign cannot say is no answer, and nothing else is a signature."""

import json
import subprocess
from pathlib import Path

import pytest

from images_built import needs_images
from mlops.delivery import signature
from mlops.delivery.overlay import Image
from mlops.errors import CannotRun
from mlops.files import write_json

IMAGE = Image("ghcr.io/acme/loans", f"sha256:{'1' * 64}")
WHO = "https://github.com/acme/loans/.github/workflows/image.yml@refs/heads/main"
BOM, ISSUER = "https://cyclonedx.org/bom", "https://token.actions.githubusercontent.com"
SAYS = """
import json, pathlib, sys
pathlib.Path({folder!r}, "argv.json").write_text(json.dumps(sys.argv[1:]))
sys.stdout.write({out!r})
sys.stderr.write({err!r})
sys.exit({code})
"""


@pytest.fixture(autouse=True)
def _repository(monkeypatch):
    """The workflow's own variables."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/loans")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)


@pytest.fixture
def says(program, tmp_path):
    """A function: what cosign prints, and how it ends -> a cosign that does; what it was called with is in argv.json."""

    def write(out: str = "", err: str = "", code: int = 0) -> Path:
        program("cosign", SAYS.format(folder=str(tmp_path), out=out, err=err, code=code))
        return tmp_path / "argv.json"

    return write


def claims(*kinds: str, digest: str = IMAGE.digest) -> str:
    """What cosign prints of an image that is verified."""
    said = [{"critical": {"type": kind, "image": {"docker-manifest-digest": digest}}, "optional": {}} for kind in kinds]
    return f"\n{json.dumps(said)}\n"


@pytest.mark.parametrize(
    ("server", "host"), [({}, "github.com"), ({"GITHUB_SERVER_URL": "https://git.acme.org"}, "git.acme.org")]
)
def test_who_signs_is_a_workflow_of_main(server, host):
    """As the certificate names it, on GitHub's own server too."""
    wanted = f"https://{host}/acme/loans/.github/workflows/image.yml@refs/heads/main"
    assert wanted == signature.signer({"GITHUB_REPOSITORY": "acme/loans"} | server)


@pytest.mark.parametrize(("failures", "signed"), [(0, True), (2, True), (3, False)])
def test_what_cosign_does_not_find_is_looked_for_again(program, tmp_path, failures, signed):
    """It takes a request that failed for a signature that is not there; three times is no accident."""
    text = "import pathlib, sys\ntries = pathlib.Path({tries!r})\ntries.write_text(tries.read_text() + '.' if tries.exists() else '.')\n"
    text += "sys.exit(10) if len(tries.read_text()) <= {failures} else sys.stdout.write({said!r})\n"
    program("cosign", text.format(tries=str(tmp_path / "tries"), failures=failures, said=claims(signature.SIGNATURE)))
    assert signed == (signature.fault(IMAGE) == "")
    assert "." * min(failures + 1, 3) == (tmp_path / "tries").read_text()


@pytest.mark.parametrize("env", [{}, {"GITHUB_REPOSITORY": ""}])
def test_without_a_repository_nobody_is_to_have_signed(env):
    """It says which variable is empty."""
    with pytest.raises(CannotRun, match="GITHUB_REPOSITORY is empty: set it to owner/name"):
        signature.signer(env)


def test_cosign_is_asked_who_signed_which_digest(says):
    """Identity and issuer in full, or anybody's server could vouch for a name; and who called that workflow, on which branch."""
    argv = says(claims(signature.SIGNATURE))
    assert "" == signature.fault(IMAGE)
    verb, *words, image = json.loads(argv.read_text())
    assert ("verify", str(IMAGE)) == (verb, image)
    assert {
        "--certificate-identity": WHO,
        "--certificate-oidc-issuer": ISSUER,
        "--certificate-github-workflow-repository": "acme/loans",
        "--certificate-github-workflow-ref": "refs/heads/main",
    } == dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.slow
def test_cosign_knows_what_it_is_asked(says, keys):
    """An option of another name would be an error of every run, that no stand-in finds."""
    argv = says(claims(signature.SIGNATURE))
    signature.fault(IMAGE)
    known = subprocess.run([keys[0], "verify", "--help"], capture_output=True, text=True, check=True).stdout
    assert [] == [word for word in json.loads(argv.read_text()) if word.startswith("--") and f"{word}=" not in known]


@pytest.mark.parametrize("code", [10, 11, 12, 13])
def test_what_cosign_says_nobody_signed_is_not_signed(says, code):
    """By its exit code alone."""
    says(err="Error: no signatures found\n", code=code)
    assert f"{IMAGE} is not signed by {WHO}" == signature.fault(IMAGE)


@pytest.mark.parametrize("what", ["signatures", "attestations"])
def test_what_another_signed_is_not_signed(says, what):
    """Of that cosign has words and no code."""
    says(err=f"Error: no matching {what}: none of the expected identities matched\n", code=1)
    assert f"{IMAGE} is not signed by {WHO}" == signature.fault(IMAGE)


@pytest.mark.parametrize(
    ("err", "said"),
    [
        ("WARNING: old\nError: dial tcp: connection refused\n", r"\(Error: dial tcp: connection refused\)"),
        ("Error: updating local metadata and targets: TUF\n", r"\(Error: updating local metadata and targets: TUF\)"),
        ("", r"\(no reason given\)"),
    ],
)
def test_no_answer_is_neither_signed_nor_unsigned(says, err, said):
    """It is an error with cosign's last words."""
    says(claims(signature.SIGNATURE), err, 1)
    with pytest.raises(CannotRun, match=f"cannot be found out {said}: run this job again"):
        signature.fault(IMAGE)


@pytest.mark.parametrize("kinds", [[signature.SIGNATURE], [BOM, signature.SIGNATURE], [signature.SIGNATURE] * 2])
def test_a_signature_among_other_things_counts(says, kinds):
    """An image has attestations beside it, and may be signed twice."""
    says(claims(*kinds))
    assert "" == signature.fault(IMAGE)


@pytest.mark.parametrize("out", [claims(BOM), claims(BOM, "https://slsa.dev/provenance/v1"), "[]"])
def test_an_attestation_is_no_signature(says, out):
    """Though cosign verifies it, and exits with 0."""
    says(out)
    assert f"{IMAGE} has attestations and no signature: its job died before it had signed" == signature.fault(IMAGE)


def test_the_signature_of_another_digest_is_none(says):
    """Whatever it is that cosign verified."""
    says(claims(signature.SIGNATURE, digest=f"sha256:{'2' * 64}"))
    assert "has attestations and no signature" in signature.fault(IMAGE)


@pytest.mark.parametrize("out", ["", "verified", "7", "null", '["critical"]', '[{"optional": 1}]', '[{"critical": 7}]'])
def test_what_is_no_list_of_claims_is_no_answer(says, out):
    """Exit code 0 alone is not believed."""
    says(out)
    with pytest.raises(CannotRun, match="cosign verified something that is no list of claims"):
        signature.fault(IMAGE)


@pytest.mark.parametrize(
    "call", [signature.fault, signature.sign, lambda image: signature.attest(image, "cyclonedx", "f")]
)
def test_without_cosign_nothing_is_known_and_nothing_signed(nothing_installed, call):
    """It is named."""
    with pytest.raises(CannotRun, match="cosign is not installed here"):
        call(IMAGE)


def test_a_digest_is_attested_and_signed_without_a_question(says):
    """--yes: nobody is there who could agree to Sigstore's terms."""
    argv = says()
    signature.attest(IMAGE, "cyclonedx", "sbom.json")
    assert ["attest", "--yes", "--type", "cyclonedx", "--predicate", "sbom.json", str(IMAGE)] == json.loads(
        argv.read_text()
    )
    signature.sign(IMAGE)
    assert ["sign", "--yes", str(IMAGE)] == json.loads(argv.read_text())


def test_what_could_not_be_attested_or_signed_is_an_error(says):
    """With cosign's reason, and what the job may lack."""
    says(err="Error: getting key: no token\n", code=1)
    with pytest.raises(CannotRun, match=r"cyclonedx of .* could not be attached \(Error: getting key: no token\)"):
        signature.attest(IMAGE, "cyclonedx", "sbom.json")
    with pytest.raises(CannotRun, match=r"could not be signed \(Error: getting key: no token\).*id-token: write"):
        signature.sign(IMAGE)


@pytest.mark.slow
@needs_images
def test_a_real_signature_counts_and_nothing_less(commit, pushed, cosign):
    """Nothing; an attestation; a signature."""
    image = pushed()
    assert f"{image} is not signed by {WHO}" == signature.fault(image)
    write_json("sbom.json", {"bomFormat": "CycloneDX", "specVersion": "1.6"})
    signature.attest(image, "cyclonedx", "sbom.json")
    assert "has attestations and no signature" in signature.fault(image)
    signature.sign(image)
    assert "" == signature.fault(image)


@pytest.mark.slow
@needs_images
@pytest.mark.parametrize("signers", [["theirs", "ours"], ["ours", "theirs"]])
def test_a_real_signature_of_another_key_counts_for_nothing(commit, pushed, cosign, monkeypatch, signers):
    """Nor does it undo ours, before it or after it."""
    image, so_far = pushed(), []
    for name in signers:
        monkeypatch.setenv("SIGNER", name)
        signature.sign(image)
        so_far.append(name)
        assert ("ours" in so_far) == (signature.fault(image) == ""), so_far


@pytest.mark.slow
@needs_images
def test_what_others_attest_and_sign_leaves_an_image_unsigned(commit, pushed, cosign, monkeypatch):
    """Our attestation and their signature are together no signature of ours."""
    image = pushed()
    write_json("sbom.json", {"bomFormat": "CycloneDX", "specVersion": "1.6"})
    signature.attest(image, "cyclonedx", "sbom.json")
    monkeypatch.setenv("SIGNER", "theirs")
    signature.sign(image)
    assert "has attestations and no signature" in signature.fault(image)


@pytest.mark.slow
@needs_images
def test_an_image_that_is_not_there_is_not_signed(commit, pushed, cosign, registry):
    """A registry that is away gives no answer at all."""
    image = pushed()
    signature.sign(image)
    assert "is not signed by" in signature.fault(Image(image.repository, IMAGE.digest))
    registry.stop()
    with pytest.raises(CannotRun, match="cannot be found out .*connection refused"):
        signature.fault(image)

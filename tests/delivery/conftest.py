"""A registry, a commit and its image, programs in the place of others, cosign, and a commit whose image is built once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copies import ROOT, lay_out
from images_built import build_image
from mlops.delivery import registry as registries
from mlops.delivery import signature
from mlops.delivery.build_key import build_key
from mlops.files import write_json
from oci import archive
from registry import CONTAINERS
from remote import git

MODEL, DATA, COMMIT = "a" * 64, "d" * 64, "c" * 40
BASE = f"docker.io/library/python:3.12-slim@sha256:{'b' * 64}"
IDENTITY = [
    "--certificate-identity", "https://github.com/acme/loans/.github/workflows/image.yml@refs/heads/main",
    "--certificate-oidc-issuer", "https://token.actions.githubusercontent.com",
    "--certificate-github-workflow-repository", "acme/loans", "--certificate-github-workflow-ref", "refs/heads/main",
]  # fmt: skip

# cosign with a key pair in the place of an identity, which only Sigstore's servers can vouch for
KEYED = """
import os, sys
verb, *words = sys.argv[1:]
if verb == "verify":
    if words[:8] != {identity!r}:
        sys.exit(f"who should have signed this? {{words}}")
    words = ["--key", {keys!r} + "/ours/cosign.pub", "--insecure-ignore-tlog=true", *words[8:]]
else:
    key = {keys!r} + "/" + os.environ.get("SIGNER", "ours") + "/cosign.key"
    words = ["--key", key, "--use-signing-config=false", "--tlog-upload=false", *words]
os.execv({real!r}, [{real!r}, verb, *words])
"""


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """Whoever runs the tests may be logged in somewhere."""
    for name in ("REGISTRY_TOKEN", "REGISTRY_USER", *registries.CREDENTIALS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def commit(tmp_path, monkeypatch):
    """A commit with what an image is made of, as working directory."""
    folder = tmp_path / "commit"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "Dockerfile").write_text(f"ARG BASE={BASE}\nFROM ${{BASE}}\n")
    (folder / ".dockerignore").write_text("*\n!metrics.json\n")
    (folder / ".gitignore").write_text("build/\n")
    write_json("metrics.json", {"model_hash": MODEL})
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """What cosign does not find is looked for again, without a wait here."""
    monkeypatch.setattr(signature, "AGAIN", (0, 0))


@pytest.fixture
def labels():
    """A function: labels -> all that an image says of the commit that is here, those in the place of its own."""

    def said(**changed: str) -> dict[str, str]:
        of = {"build-key": build_key(), "model-hash": MODEL, "data-hash": DATA}
        of |= {key.replace("_", "-"): value for key, value in changed.items()}
        return {f"mlops.{key}": value for key, value in of.items()} | {"org.opencontainers.image.revision": COMMIT}

    return said


@pytest.fixture
def archived(labels):
    """A function: labels -> the digest of an archive of the commit that is here."""
    return lambda **changed: archive(Path("build/image.tar"), labels(**changed))


@pytest.fixture
def pushed(archived, registry):
    """A function: labels -> the image in the registry, at this commit's build key."""

    def push(**changed: str) -> registries.Image:
        digest, name = archived(**changed), f"{registry.host}/acme/model"
        registries.copy("build/image.tar", name, digest)
        registries.tag(name, digest, build_key())
        return registries.Image(name, digest)

    return push


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function: name, Python -> a program of that name, which is found before any other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(name: str, text: str) -> None:
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)

    return write


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    """A machine on which no program is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """(cosign, a folder of two key pairs, ours and theirs); skips where there is no cosign."""
    real = shutil.which("cosign", path=f"{ROOT / '.tools/bin'}{os.pathsep}{os.environ['PATH']}")
    if real is None:
        pytest.skip("needs cosign, on PATH or in .tools/bin")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        (folder / name).mkdir()
        words = [real, "generate-key-pair"]
        subprocess.run(words, cwd=folder / name, env=os.environ | {"COSIGN_PASSWORD": ""}, check=True)
    return real, folder


@pytest.fixture
def cosign(keys, program, monkeypatch):
    """The real one, by keys: ours signs, unless SIGNER is theirs."""
    for name, value in {"GITHUB_REPOSITORY": "acme/loans", "COSIGN_PASSWORD": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    program("cosign", KEYED.format(identity=IDENTITY, keys=str(keys[1]), real=keys[0]))


@pytest.fixture
def standin(program, tmp_path, monkeypatch):
    """The stand-ins of cosign and trivy, as the workflows' tests have them; what cosign keeps lies in the path that this is."""
    (tmp_path / "caches").mkdir()
    for name, value in {"STANDIN_STORE": str(tmp_path), "GITHUB_REPOSITORY": "acme/loans"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    for name in ("cosign", "trivy"):
        program(name, (ROOT / "tests/workflows/actions" / name / name).read_text())
    return tmp_path / "caches/cosign.json"


@pytest.fixture(scope="session")
def containers(tmp_path_factory):
    """The variables by which buildah and podman run as this machine allows."""
    path = tmp_path_factory.mktemp("containers") / "containers.conf"
    path.write_text(CONTAINERS)
    return {"CONTAINERS_CONF": str(path), "BUILDAH_ISOLATION": "chroot"}


@pytest.fixture(scope="session")
def committed(answered, tmp_path_factory):
    """A git repository with this repository's files and a model of 1,200 rows, all committed that git keeps."""
    path = lay_out(tmp_path_factory.mktemp("committed") / "tree")
    shutil.copytree(answered("binary").path, path, dirs_exist_ok=True)
    for words in (
        ["init", "-q", "-b", "main"], ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "main"],
    ):  # fmt: skip
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


@pytest.fixture(scope="session")
def built(committed, containers):
    """It again, with its image built."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in containers.items():
            patch.setenv(name, value)
        build_image(committed)
    return committed

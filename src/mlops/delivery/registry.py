"""Images in a registry, by skopeo: looked at, and copied so that their digest stays."""

import json
import os
import re
import subprocess
import tempfile
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops.delivery.overlay import DIGEST, Image
from mlops.errors import CannotRun

REPOSITORY = re.compile(r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+(?=:))(:\d+)?(/[a-z0-9._-]+)+")
ABSENT = ("manifest unknown", "name unknown", "repository name not known")
DENIED = ("denied", "unauthorized", "403 (forbidden)")
GITHUBS = "ghcr.io"  # the registry that GitHub's own tokens are for
TOKENS = ("GITHUB_TOKEN", "REGISTRY_TOKEN", "APP_PRIVATE_KEY")  # what other people's programs do not inherit
ALIASES = {"docker.io": "https://index.docker.io/v1/"}  # by which name some clients look for a registry's credentials
CREDENTIALS = ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE")  # where cosign, and where skopeo, look for them


class Denied(CannotRun):
    """The registry shows this token nothing, be it there or not."""


@dataclass(frozen=True)
class Found:
    """An image that the registry has; labels: what its build says of it."""

    image: Image
    labels: dict[str, str]

    def label(self, name: str) -> str:
        """Return a label of ours (`commit` is OCI's revision); raises CannotRun naming the one that is missing."""
        full = "org.opencontainers.image.revision" if name == "commit" else f"mlops.{name}"
        value = self.labels.get(full)
        if not value:
            raise CannotRun(
                f"{self.image} has no label {full}: it was not built by `mlops image`, or its build was changed"
            )
        return value


def repository(name: str) -> str:
    """Return a repository's name as registries want it; raises CannotRun where it is none."""
    lower = name.lower()  # GitHub's owners may have capitals
    if not REPOSITORY.fullmatch(lower):
        raise CannotRun(
            f"'{name}' is no repository of a registry: it should be registry/owner/name, without tag or digest"
        )
    return lower


@contextmanager
def login(name: str, env=os.environ):
    """Show the registry of `name` the token in REGISTRY_TOKEN, for as long as the block runs; without one it is asked as anybody.

    Raises CannotRun where that is a token of GitHub's and the registry another's.
    """
    token, user, host = env.get("REGISTRY_TOKEN"), env.get("REGISTRY_USER") or "token", name.partition("/")[0]
    if not token:
        yield
        return
    if token.startswith(("ghs_", "ghp_", "github_pat_")) and host != GITHUBS:
        raise CannotRun(
            f"REGISTRY_TOKEN is a token of GitHub's, and {host} is not its registry: set the secret to one of {host}"
        )
    entry = {"auth": b64encode(f"{user}:{token}".encode()).decode()}
    said = {"auths": dict.fromkeys((host, ALIASES.get(host, host)), entry)}
    before = {variable: os.environ.get(variable) for variable in CREDENTIALS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.json")
        file.touch(mode=0o600)
        file.write_text(json.dumps(said), encoding="utf-8")
        os.environ.update(dict(zip(CREDENTIALS, (folder, str(file)), strict=True)))
        try:
            yield
        finally:
            for variable, value in before.items():
                os.environ.pop(variable, None) if value is None else os.environ.update({variable: value})


def find(name: str, reference: str) -> Found | None:
    """Return the image of a tag or a digest in repository `name`, None where there is none.

    Raises CannotRun where the registry gives no answer (Denied: not to this token), or not the bytes that the digest names.
    """
    separator = "@" if DIGEST.fullmatch(reference) else ":"
    done = _skopeo("inspect", "--no-tags", _tls(name), f"docker://{name}{separator}{reference}")
    if done.returncode:
        answer = done.stderr.lower().replace(name, "")  # a repository may be called what a registry answers
        if any(word in answer for word in ABSENT):
            return None
        kind = Denied if any(word in answer for word in DENIED) else CannotRun
        may = (
            "may this token read it"
            if os.environ.get("REGISTRY_TOKEN")
            else f"`skopeo login {name.split('/')[0]}` where it is private"
        )
        raise kind(f"{name} gives no answer ({_said(done)}): is the registry up, and {may}?")
    said = json.loads(done.stdout)
    if separator == "@" and said["Digest"] != reference:
        raise CannotRun(f"{name}@{reference} answers with {said['Digest']}: do not use it")
    return Found(Image(name, said["Digest"]), said.get("Labels") or {})


def copy(archive: str, name: str, digest: str) -> None:
    """Push an OCI archive to `name`@`digest`; raises CannotRun where the registry refuses, or keeps something else."""
    words = (
        "--quiet",
        "--preserve-digests",
        "--retry-times",
        "3",
        f"oci-archive:{archive}",
        f"docker://{name}@{digest}",
    )
    done = _skopeo("copy", _tls(name, "dest-"), *words)
    if done.returncode:
        raise CannotRun(f"{name} refuses the image ({_said(done)}): nothing was released; run this job again")
    if find(name, digest) is None:
        raise CannotRun(
            f"{name} took {digest} and has it under another digest: it changes what it is given; use another registry"
        )


def tag(name: str, digest: str, word: str) -> None:
    """Give an image that is in the registry a tag."""
    both = _tls(name, "src-"), _tls(name, "dest-")
    done = _skopeo(
        "copy", *both, "--quiet", "--preserve-digests", f"docker://{name}@{digest}", f"docker://{name}:{word}"
    )
    if done.returncode:
        raise CannotRun(f"{name} refuses the tag {word} ({_said(done)}): run this job again")


def _skopeo(*words: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(["skopeo", *words], capture_output=True, text=True, env=inherited())
    except FileNotFoundError:
        raise CannotRun("skopeo is not installed here: registries are asked by it") from None


def inherited() -> dict[str, str]:
    """Return the environment of another program: this one's without the tokens."""
    return {name: value for name, value in os.environ.items() if name not in TOKENS}


def _tls(name: str, side: str = "") -> str:
    """Return skopeo's option: only this machine itself may speak without TLS."""
    host = name.partition("/")[0].partition(":")[0]
    return f"--{side}tls-verify={str(host not in ('127.0.0.1', 'localhost')).lower()}"


def _said(done: subprocess.CompletedProcess) -> str:
    return " ".join(done.stderr.split())[-300:]

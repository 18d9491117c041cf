"""Verb `image`: build the image of the current model as an OCI archive, and say its digest. Run: mlops image [--out build/image.tar].

The same commit gives the same bytes: every time in it is the commit's. buildah, podman and docker are what may build.
"""

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from mlops import github
from mlops.delivery.build_key import build_key, changed
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.files import read_json, sha256, whole, write_json
from mlops.paths import IMAGE, IMAGE_ABOUT, METRICS, MODEL

NAME = "localhost/mlops:local"
TOOLS = ("buildah", "podman", "docker")


def add_arguments(parser) -> None:
    """Add what a laptop may want otherwise."""
    parser.add_argument("--out", default=IMAGE, help=f"the archive (default: {IMAGE})")
    parser.add_argument("--base-image", help="another base of the same bytes, as a mirror names it")
    parser.add_argument("--tool", choices=TOOLS, help="what builds (default: the first that is installed)")


def run(args) -> int:
    """Build, and print digest and key."""
    about = described()
    tool = args.tool or next(filter(shutil.which, TOOLS), None)
    if tool is None or not shutil.which(tool):
        raise CannotRun(f"{tool or 'none of ' + ', '.join(TOOLS)} is installed here: install one that builds images")
    if args.base_image and not same_base(args.base_image):
        about["build_key"] = ""  # before the build, whose label is what `push-image` reads
        print(
            f"{args.base_image} does not name the Dockerfile's digest: this image has no build key and is pushed nowhere"
        )
    with whole(args.out) as part:
        build(tool, part, about, args.base_image)
        about["digest"] = digest(part)
    write_json(IMAGE_ABOUT, about)
    github.report(f"image {about['digest']} of key {about['build_key'] or 'none'}", digest=about["digest"])
    return 0


def described(root=".") -> dict:
    """Return what an image of this tree says of itself: commit, build_key, model_hash, data_hash, created (seconds).

    Raises CannotRun where the model is not the one that was judged. build_key is empty where a file differs from the commit:
    such an image is for this machine alone.
    """
    judged = read_json(Path(root, METRICS), "run `make train` first")
    try:
        found = sha256(Path(root, MODEL).read_bytes())
    except FileNotFoundError:
        raise CannotRun(f"{MODEL} is not there: run `make train` first") from None
    if found != judged["model_hash"]:
        raise CannotRun(
            f"{MODEL} is {found[:12]}, {METRICS} names {judged['model_hash'][:12]}: what was judged is what is built; "
            "run `make train`"
        )
    different = changed(root)
    if different:
        print(f"not of the commit: {', '.join(different[:5])}: this image has no build key and is pushed nowhere")
    return {
        "commit": git("rev-parse", "HEAD", root=root) + ("-changed" if different else ""),
        "build_key": "" if different else build_key(root=root),
        "model_hash": judged["model_hash"],
        "data_hash": judged["data_hash"],
        "created": int(git("log", "-1", "--format=%ct", root=root)),
    }


def build(tool: str, out: Path, about: dict, base: str | None = None) -> None:
    """Build the Dockerfile here, and write the OCI archive `out`."""
    arguments = {
        "GIT_COMMIT": about["commit"], "BUILD_HASH": about["build_key"], "MODEL_HASH": about["model_hash"],
        "DATA_HASH": about["data_hash"], "SOURCE_DATE_EPOCH": about["created"],
    } | ({"BASE": base} if base else {})  # fmt: skip
    given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    if tool == "docker":
        _done("docker", "build", "--quiet", *given, "-t", NAME, ".")
        _done("skopeo", "copy", "--quiet", f"docker-daemon:{NAME}", f"oci-archive:{out}")
    else:
        verb = "bud" if tool == "buildah" else "build"
        _done(tool, verb, "--quiet", "--format", "oci", "--timestamp", str(about["created"]), *given, "-t", NAME, ".")
        _done(tool, "push", "--quiet", NAME, f"oci-archive:{out}")


def digest(archive) -> str:
    """Return the digest of the one image in an OCI archive, every part of it hashed; see `opened`."""
    return opened(archive)[0]


def opened(archive) -> tuple[str, dict[str, str]]:
    """Return (digest, labels) of the one image in an OCI archive.

    Raises CannotRun where it holds none, or several, or a part that is not what its digest says.
    """
    try:
        with tarfile.open(archive) as file:
            (entry,) = json.load(file.extractfile("index.json"))["manifests"]
            manifest = json.loads(_blob(file, entry["digest"]))
            labels = json.loads(_blob(file, manifest["config"]["digest"]))["config"].get("Labels") or {}
            for layer in manifest["layers"]:
                _blob(file, layer["digest"])
        return entry["digest"], labels
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError, AttributeError):
        raise CannotRun(f"{archive} is no OCI archive of one image: build it with `make image`") from None


def _blob(file: tarfile.TarFile, digest: str) -> bytes:
    data = file.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}").read()
    if f"sha256:{sha256(data)}" != digest:
        raise ValueError(f"{digest} is of other bytes")
    return data


def same_base(name: str) -> bool:
    """Whether a base is named by the digest that the Dockerfile has: the same bytes, whatever mirror they come from."""
    found = re.search(r"^ARG BASE=\S+(@sha256:[0-9a-f]{64})$", Path("Dockerfile").read_text(encoding="utf-8"), re.M)
    return found is not None and name.endswith(found[1])


def _done(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotRun(f"{words[0]} is not installed here: the archive is written by it") from None
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise CannotRun(f"`{' '.join(words[:2])}` failed: {' '.join(said[-3:])[-500:]}")

"""Verb `restore`: the outputs that dvc.lock names, by their hashes, wherever they are found. Run: mlops restore.

In DVC's cache, in the store that DVC_REMOTE_URL names, in the artifact that the checks of a pull request left (where GITHUB_TOKEN
may read it). Whoever hands them out is not believed: bytes are taken whose hash the lock names, and no run-cache is.
What is nowhere, `make train` makes.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mlops import dvc, github
from mlops.artifact import DAMAGED
from mlops.delivery.verify import md5
from mlops.files import whole
from mlops.github import GitHub, GitHubError
from mlops.paths import LOCK
from mlops.pipeline import fingerprint

NAME = "dvc-{}"  # an artifact with a cache: pull-request.yml names it by the lock, `hashFiles('dvc.lock')`
MOST = 3  # of its name that are looked into, the newest first
LARGEST = 500_000_000  # bytes of an artifact; a larger one is made anew
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # only these two give no more bytes than they are asked for


def run(args) -> int:
    """Restore what is found, and say what is not; 0 either way."""
    fingerprint.run(args)  # made of the tree alone, and in no cache
    lock = dvc.read_lock(LOCK)
    every = outputs(lock)
    cache, outs = dvc.cache_folder(), {path: digest for path, digest in every.items() if md5(Path(path)) != digest}
    sources = []
    for name, source in (("the store", _store), ("an artifact", _artifact)):
        lacking = missing(outs, cache)
        if lacking and source(lacking, outs, cache) and missing(outs, cache) != lacking:
            sources.append(name)
    absent = unheld(outs, cache)
    if held := [path for path in outs if path not in absent]:
        dvc.checkout(held)
    where = f" (from {' and '.join(sources)})" if sources else ""
    rest = f"; nowhere: {', '.join(absent)}: `make train` makes them" if absent else ""
    print(f"restore: {len(every) - len(absent)} of {len(every)} outputs of {LOCK}{where}{rest}")
    return 0


def outputs(lock: dict) -> dict[str, str]:
    """Return {path: hash} of all outputs of a lock."""
    outs = (out for stage in lock.get("stages", {}).values() for out in stage.get("outs", []))
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def missing(outs: dict[str, str], cache: Path) -> set[str]:
    """Return the hashes of what the cache lacks; what is there under another's hash is deleted, since DVC would believe it."""
    return {each for digest in outs.values() for each in _lacking(digest, cache)}


def unheld(outs: dict[str, str], cache: Path) -> list[str]:
    """Return the outputs that the cache does not hold in full."""
    return [path for path, digest in outs.items() if next(_lacking(digest, cache), None)]


def _lacking(digest: str, cache: Path) -> Iterator[str]:
    path = place(digest, cache)
    if md5(path) != digest.removesuffix(".dir"):
        path.unlink(missing_ok=True)
        yield digest
    elif digest.endswith(".dir"):
        for child in json.loads(path.read_text(encoding="utf-8")):
            yield from _lacking(child["md5"], cache)


def place(digest: str, cache: Path) -> Path:
    """Return where DVC 3 keeps what has this hash."""
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _store(lacking: set[str], outs: dict[str, str], cache: Path) -> bool:
    if not dvc.configure_remote():
        return False
    if why := dvc.fetch([path for path, digest in outs.items() if next(_lacking(digest, cache), None)]):
        print(f"restore: the store does not give everything ({why})")
    return True


def _artifact(lacking: set[str], outs: dict[str, str], cache: Path) -> bool:
    if not os.environ.get("GITHUB_TOKEN") or not os.environ.get("GITHUB_REPOSITORY"):  # both are a workflow's
        return False
    hub, name = github.from_environment(), NAME.format(hash_files(LOCK))
    try:  # one page: the newest come first, and every run of an unchanged lock has left one
        listed = hub.get("actions/artifacts", per_page=100, name=name)["artifacts"]
    except GitHubError as error:
        print(f"restore: artifacts cannot be looked for ({error})")
        return False
    there = [each for each in listed if not each["expired"]]
    for artifact in sorted(there, key=lambda each: -each["id"])[:MOST]:
        if artifact["size_in_bytes"] <= LARGEST:
            taken(hub, artifact["id"], outs, cache)
        if not missing(outs, cache):
            break
    return True


def hash_files(path) -> str:
    """Return what the expression `hashFiles` of a workflow file gives of one file: the hash of its hash."""
    return hashlib.sha256(hashlib.sha256(Path(path).read_bytes()).digest()).hexdigest()


def taken(hub: GitHub, artifact: int, outs: dict[str, str], cache: Path) -> None:
    """Put what the cache lacks there, out of an artifact: of its entries those whose bytes have a hash that is asked for."""
    try:
        data = hub.download(f"actions/artifacts/{artifact}/zip", LARGEST)
    except GitHubError as error:  # it may just have expired; what is nowhere is made
        print(f"restore: artifact {artifact} cannot be had ({error})")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            before = None
            while (lacking := missing(outs, cache)) and lacking != before:  # a folder's list names its files
                before = lacking
                for digest in lacking:
                    _entry(archive, digest, cache)
    except DAMAGED:
        print(f"restore: artifact {artifact} is damaged")


def _entry(archive: zipfile.ZipFile, digest: str, cache: Path) -> None:
    name = f"md5/{digest[:2]}/{digest[2:]}"
    entry = archive.NameToInfo.get(name)
    if entry is None or entry.file_size > LARGEST or entry.compress_type not in PACKED:
        return
    with archive.open(entry) as file:
        data = file.read(entry.file_size)
    if hashlib.md5(data, usedforsecurity=False).hexdigest() == digest.removesuffix(".dir"):
        with whole(place(digest, cache)) as part:
            part.write_bytes(data)
    else:  # whoever may open a pull request may leave an artifact of this name
        print(f"restore: an artifact has other bytes under {digest}: they are left there")

"""What the stand-ins of third-party actions do: artifacts are zip files and caches folders below $STANDIN_STORE.

The rules that our workflows lean on are GitHub's: the least common folder of all paths is an artifact's root, hidden files
stay behind unless asked for, an artifact is never written twice, a cache key never changes what it holds.
"""

import glob
import os
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

STORE = Path(os.environ["STANDIN_STORE"])


def say(text: str) -> None:
    """A line of the job's log."""
    sys.stdout.write(f"{text}\n")


def upload(name: str, path: str, include_hidden: str, if_none: str) -> None:
    """actions/upload-artifact."""
    archive = STORE / "artifacts" / f"{name}.zip"
    if archive.exists():
        sys.exit(f"an artifact named {name} is there already")
    roots, files = [], set()
    for pattern in filter(None, map(str.strip, path.splitlines())):
        roots.append(os.path.dirname(pattern.split("*")[0]) if "*" in pattern else pattern)
        for found in glob.glob(pattern, include_hidden=True):
            files |= set(Path(found).rglob("*")) if os.path.isdir(found) else {Path(found)}
    kept = sorted(f for f in files if f.is_file() and (include_hidden == "true" or not _hidden(f)))
    if not kept:
        say(f"no file was found at {path}")
        sys.exit(if_none == "error")
    root = os.path.commonpath([os.path.abspath(root) for root in roots])
    root = root if os.path.isdir(root) else os.path.dirname(root)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in kept:
            out.write(file, os.path.relpath(file, root))
    say(f"artifact {name}: {len(kept)} files")


def _hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts)


def download(name: str, pattern: str, path: str, merge: str) -> None:
    """actions/download-artifact, of this run."""
    found = sorted(a for a in STORE.glob("artifacts/*.zip") if fnmatch(a.stem, name or pattern or "*"))
    if name and not found:
        sys.exit(f"there is no artifact named {name}")
    for archive in found:
        zipfile.ZipFile(archive).extractall(Path(path or ".", "" if name or merge == "true" else archive.stem))
    say(f"downloaded: {', '.join(a.stem for a in found) or 'nothing'}")


def restore(path: str, key: str, restore_keys: str, look: str) -> None:
    """actions/cache/restore: the key, else the newest that begins with one of restore-keys; `look`: whether it is only looked for."""
    caches = sorted((STORE / "caches").glob("*"), key=lambda c: c.stat().st_mtime, reverse=True)
    wanted = [c for c in caches if c.name == key]
    hit = str(bool(wanted)).lower()
    for prefix in filter(None, map(str.strip, restore_keys.splitlines())):
        wanted += [c for c in caches if c.name.startswith(prefix)]
    if wanted and look != "true":
        shutil.copytree(wanted[0], path, dirs_exist_ok=True)
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as out:
        out.write(f"cache-hit={hit if wanted else ''}\n")
    say(f"cache: {wanted[0].name if wanted else 'none'}")


def save(path: str, key: str) -> None:
    """actions/cache/save: a key that is there already keeps what it holds."""
    folder = STORE / "caches" / key
    if folder.exists():
        say(f"cache {key} is there already")
    else:  # another job may restore meanwhile: it finds all of it, or nothing
        made = STORE / f"saving-{os.getpid()}"
        shutil.copytree(path, made)
        made.rename(folder)


def checkout(ref: str, depth: str) -> None:
    """actions/checkout of a commit: no branch, and as much history as is asked for; `origin` is the tree's."""
    tree = os.environ["STANDIN_TREE"]
    origin = subprocess.check_output(["git", "-C", tree, "remote", "get-url", "origin"], text=True).strip()
    pushed = subprocess.run(["git", "-C", origin, "cat-file", "-e", ref], capture_output=True).returncode == 0
    deep = ["--depth", depth] if depth != "0" else []
    for words in (
        ["init", "-q", "."],
        ["fetch", "-q", *deep, f"file://{origin if pushed else tree}", ref],
        ["checkout", "-q", "--detach", "FETCH_HEAD"],
        ["remote", "add", "origin", origin],
    ):
        subprocess.run(["git", *words], check=True)


def pages(path: str) -> None:
    """actions/upload-pages-artifact."""
    shutil.copytree(path, STORE / "pages")


def deploy() -> None:
    """actions/deploy-pages: publishes what upload-pages-artifact left."""
    (STORE / "pages").rename(STORE / "published")
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as out:
        out.write("page_url=https://acme.github.io/loans/\n")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

"""Runs our workflow files on this machine: act in host mode, with the stand-ins of actions/ for third-party actions.

hub = Repository.make(folder)             # a bare origin that holds this tree as main
tree = hub.clone("feature")
done = hub.run("pull-request.yml", "pull_request", event, tree)
done.jobs, done.said("compare"), done.artifact("report"), done.summaries
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from copies import lay_out
from github_stub import GitHubStub
from images import BASE, base
from registry import Registry

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = Path(__file__).with_name("actions")
NAME, TOKEN = "acme/loans", "ghs_scenarioToken0123456789"
PIN = re.compile(r"uses: ([\w.-]+/([\w.-]+))(?:/[\w./-]+)?@([0-9a-f]{40})")
# What reaches packages, and nothing else of this machine's environment.
PASSED = re.compile(r"PATH|LANG|(UV|PIP|SSL)_\w+|\w+_PROXY|\w+_proxy|GO(PROXY|FLAGS|SUMDB|NOSUMDB|NOPROXY|PRIVATE)")
CACHES = {
    "UV_CACHE_DIR": ("uv", "cache", "dir"),
    "GOPATH": ("go", "env", "GOPATH"),
    "GOCACHE": ("go", "env", "GOCACHE"),
}

# Of act itself, and not of its jobs: it keeps the folders of actions in a map that jobs write to at once, and two threads break it.
THREADS = "GOMAXPROCS"
BROKEN = re.compile(r"^(fatal error|panic): .*", re.M)


@dataclass(frozen=True)
class Done:
    """What a run left: `jobs` is job -> success or failure (a skipped job is absent), `log` is act's, `store` the artifacts."""

    jobs: dict[str, str]
    log: list[dict]
    store: Path

    def said(self, job: str) -> str:
        """What the commands of a job printed, without colours."""
        printed = [line["msg"] for line in self.log if line.get("jobID") == job and line.get("raw_output")]
        return re.sub(r"\x1b\[[\d;]*m", "", "".join(printed))

    def ran(self, job: str) -> list[str]:
        """The verbs, and the stages, that a job really ran; a stage that DVC restores says nothing."""
        return re.findall(r"^-- ([\w-]+): [\d.]+ s$", self.said(job), re.M)

    @property
    def summaries(self) -> str:
        """All step summaries."""
        return "".join(line.get("content", "") for line in self.log if line.get("command") == "summary")

    def artifact(self, name: str) -> Path:
        """The zip file of an artifact, as GitHub hands it out."""
        return self.store / "artifacts" / f"{name}.zip"


@dataclass(frozen=True)
class Repository:
    """A repository on this machine: origin.git, its caches, and a folder a run."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, edits: dict[str, tuple[str, str]]) -> "Repository":
        """What git would commit of this tree, with `edits` (file -> old, new), is the first commit of main."""
        tree = folder / "main"
        lay_out(tree)
        for name, (old, new) in edits.items():
            edit(tree, name, old, new)
        git(tree, "init", "-q", "-b", "main")
        git(tree, "config", "uploadpack.allowAnySHA1InWant", "true")  # a job may check out a commit
        commit(tree, "main")
        git(folder, "clone", "-q", "--bare", str(tree), "origin.git")
        git(folder / "origin.git", "config", "uploadpack.allowAnySHA1InWant", "true")
        git(tree, "remote", "add", "origin", str(folder / "origin.git"))
        git(tree, "fetch", "-q", "origin")
        return cls(folder)

    def clone(self, branch: str) -> Path:
        """A fresh clone with a new branch, from main."""
        tree = self.folder / f"clone-{len(list(self.folder.glob('clone-*')))}"
        git(self.folder, "clone", "-q", str(self.folder / "origin.git"), str(tree))
        git(tree, "checkout", "-q", "-b", branch)
        return tree

    def run(
        self,
        workflow: str,
        event: str,
        payload: dict,
        tree: Path | None = None,
        until: str = "",
        named=None,
        secrets=None,
        started: Callable[[int], object] = lambda process: None,
        **env: str,
    ) -> Done:
        """Run a workflow file of `tree` (default: main's) for an event, and wait for its end.

        until: a job; it and what it needs are all that runs. named: repository variables (`vars`). secrets: the repository's.
        started: is told the runner's process.
        """
        tree, here = tree or self.folder / "main", self._here(payload)
        given = {
            "STANDINS": str(ACTIONS),
            "STANDIN_STORE": str(here),
            "STANDIN_TREE": str(tree),
            "GITHUB_REPOSITORY": NAME,
            THREADS: "",
            **env,
        }
        command = [program("act"), event, "--json", "--no-cache-server", "-W", f".github/workflows/{workflow}"]
        command += ["-P", "ubuntu-24.04=-self-hosted", "-s", f"GITHUB_TOKEN={TOKEN}", "-e", str(here / "event.json")]
        command += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        command += [word for name, value in (named or {}).items() for word in ("--var", f"{name}={value}")]
        command += [word for name, value in (secrets or {}).items() for word in ("-s", f"{name}={value}")]
        command += ["-j", until] if until else []
        command += [word for pin in stand_ins(tree) for word in ("--local-repository", pin)]
        with (here / "act.json").open("w") as out, (here / "act.err").open("w") as broken:
            runner = subprocess.Popen(
                command, cwd=tree, env=surroundings(here) | {THREADS: "1"}, stdout=out, stderr=broken
            )
            started(runner.pid)
            runner.wait()
        whole(here / "act.err")
        said = (here / "act.json").read_text(encoding="utf-8", errors="replace").splitlines()
        log = [
            json.loads(line) for line in said if line.startswith("{") and line.endswith("}")
        ]  # a killed one broke off
        shutil.rmtree(here / ".cache", ignore_errors=True)  # the jobs' folders, a gigabyte each
        return Done({line["jobID"]: line["jobResult"] for line in log if "jobResult" in line}, log, here)

    def _here(self, payload: dict) -> Path:
        here = Path(
            mkdtemp(prefix=f"run-{len(list(self.folder.glob('run-*')))}-", dir=self.folder)
        )  # two may begin at once
        (self.folder / "caches").mkdir(exist_ok=True)
        (here / "caches").symlink_to(self.folder / "caches")
        known = {"repository": {"full_name": NAME, "default_branch": "main"}}
        (here / "event.json").write_text(json.dumps(known | payload), encoding="utf-8")
        return here


@dataclass
class Story:
    """A repository with its registry and API; `parts`: what each run did, by the part's name."""

    repository: Repository
    registry: Registry
    hub: GitHubStub
    parts: dict[str, Done]

    @property
    def main(self) -> Path:
        """The tree that is main."""
        return self.repository.folder / "main"

    @property
    def bare(self) -> Path:
        """The remote."""
        return self.repository.folder / "origin.git"

    @property
    def name(self) -> str:
        """The image's repository."""
        return f"{self.registry.host}/{NAME}"

    def fresh(self) -> Path:
        """The tree of main as it is now; a checkout knows all branches."""
        git(self.main, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*")
        git(self.main, "reset", "-q", "--hard", "origin/main")
        return self.main

    def branch(self, name: str, of: str) -> Path:
        """A clone on a new branch of a branch."""
        tree = self.repository.clone(name)
        git(tree, "reset", "-q", "--hard", f"origin/{of}")
        return tree

    def merge(self, branch: str, title: str = "a merge") -> str:
        """Squash a branch into main, as GitHub does, and return the commit."""
        tree = self.repository.clone(f"merged-{branch.replace('/', '-')}")
        git(tree, "checkout", "-q", "main")
        git(tree, "merge", "-q", "--squash", f"origin/{branch}")
        made = commit(tree, title)
        git(tree, "push", "-q", "origin", "main")
        for each in self.hub.pulls:
            if (each["head"]["ref"], each["state"]) == (branch, "open"):
                each |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
        return made

    def open(self) -> dict[str, dict]:
        """The open pull requests, by branch."""
        return {each["head"]["ref"]: each for each in self.hub.pulls if each["state"] == "open"}


def on_base(folder: Path) -> Repository:
    """A repository whose Dockerfile begins with the base that this machine makes."""
    base()
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("ARG BASE="))
    return Repository.make(folder, {"Dockerfile": (line, f"ARG BASE={BASE}")})


def program(name: str) -> str:
    """Where a program is; without it the test is skipped, in CI it fails."""
    if (found := shutil.which(name)) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed; .ci/run installs it")
    return found


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a runner: the packages' caches of this machine, and a home of its own."""
    mine = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
    folders = [folder for folder in mine["PATH"].split(os.pathsep) if folder != str(ROOT / ".venv/bin")]
    caches = {name: printed(program(command[0]), *command[1:]) for name, command in CACHES.items()}
    return mine | caches | {"PATH": os.pathsep.join(folders), "HOME": str(home)}


def whole(file: Path) -> None:
    """Raise AssertionError where act itself broke off, by what it has said: nothing was learned of the workflow then."""
    if found := BROKEN.search(file.read_text(encoding="utf-8", errors="replace")):
        raise AssertionError(f"act broke off by itself, run it again: {found[0]} ({file})")


def killed(process: int) -> None:
    """End a runner and all that it has started, at once, as a machine that is gone."""
    found = [process]
    for each in found:
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, thread.read_text().split())
    for each in found:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def stand_ins(tree: Path) -> list[str]:
    """`owner/name@sha=folder` for each action that the tree's files pin; a checkout of what started the run is act's own."""
    text = "".join(file.read_text(encoding="utf-8") for file in tree.glob(".github/**/*.yml"))
    pins = {found.groups() for found in PIN.finditer(text)}
    return sorted(f"{repository}@{sha}={ACTIONS / name}" for repository, name, sha in pins)


def printed(*command: str, folder: Path = ROOT) -> str:
    """Run a command that must succeed and return what it prints."""
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def git(folder: Path, *words: str) -> str:
    """Run git and return what it prints."""
    return printed("git", *words, folder=folder)


def commit(tree: Path, message: str) -> str:
    """Commit all of the tree and return the commit."""
    git(tree, "add", "-A")
    git(tree, "-c", "user.name=A Person", "-c", "user.email=person@example.com", "commit", "-q", "-m", message)
    return git(tree, "rev-parse", "HEAD")


def edit(tree: Path, name: str, old: str, new: str) -> None:
    """Replace `old`, which must be there, in a file of the tree."""
    text = (tree / name).read_text(encoding="utf-8")
    assert old in text, f"{name} has no {old!r}"
    (tree / name).write_text(text.replace(old, new, 1), encoding="utf-8")

"""Where the loop is rehearsed: a repository with its remote, registry, API, chat, clusters and callers, and what it tells of them."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chat import Chat
from chat import listening as chatting
from copies import Copy
from github_stub import GitHubStub
from load import Load, post
from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.rollout import prometheus, step
from prometheus import Prometheus, scraping
from registry import listening
from rehearsal.cluster import Cluster
from remote import pull_requests
from serving import row_of
from tables import Folder
from tickets import artifacts, issues
from workflows.act import NAME, ROOT, TOKEN, Done, Story, commit, edit, git, on_base
from workflows.endpoints import known
from workflows.judged import FEW_TESTS, RUN, proposed, tell

APP = "ghs_appToken0123456789abcdef"
ENVIRONMENTS = ("staging", "prod")
USERS = 10_007
# A day's patience in seconds: what a canary waits for, and how exact a p99 is on a machine that does all of it at once.
SETTINGS = {
    "shadow: {requests: 1000, hours: 1}": "shadow: {requests: 500, hours: 0}",
    "canary-01: {requests: 500, hours: 1}": "canary-01: {requests: 20, hours: 0}",
    "canary-05: {requests: 1000, hours: 4}": "canary-05: {requests: 500, hours: 0}",
    "canary-25: {requests: 5000, hours: 12}": "canary-25: {requests: 500, hours: 0}",
    "canary-50: {requests: 10000, hours: 24}": "canary-50: {requests: 500, hours: 0}",
    "p99: 1.2": "p99: 3",
    "p99_ms: 2": "p99_ms: 25",
    "settle_minutes: 5": "settle_minutes: 0",
}


@dataclass
class Stage(Story):
    """A story with clusters that follow main; `lines` is what was told of it, `store` the team's DVC remote."""

    chat: Chat
    clusters: dict[str, Cluster]
    store: Path
    ending: ExitStack
    rows: list[bytes] = field(default_factory=list)
    prometheus: Prometheus | None = None
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    failed: str = ""

    def tell(self, text: str) -> None:
        """A line of the story, on the screen with its time."""
        seconds = int(time.monotonic() - self.began)
        for line in text.splitlines() or [""]:
            self.lines.append(line)
            sys.stdout.write(f"{seconds // 60:2d}:{seconds % 60:02d}  {line}\n" if line else "\n")
        sys.stdout.flush()

    def run(self, workflow: str, event: str, payload: dict, tree=None, app=False, until="", **more) -> Done:
        """Run a workflow of main, or of a tree; a request to the API that this workflow does not declare is a failure."""
        tree, before = tree or self.fresh(), len(self.hub.log)
        done = self._run(workflow, event, payload, tree, self.hub.url, app, until, **more)
        known(workflow, self.hub, before)
        return done

    def _run(self, workflow, event, payload, tree, api, app=False, until="", **more) -> Done:
        named = {"IMAGE_REPOSITORY": self.name, "DVC_REMOTE_URL": str(self.store)}
        secrets = {"ALERT_WEBHOOK": self.chat.url}
        if self.prometheus:
            named["PROMETHEUS_URL"] = self.prometheus.url
        if app:
            named["APP_CLIENT_ID"], secrets["APP_PRIVATE_KEY"] = "Iv1.abc", "a key"
        given = {"GITHUB_API_URL": api, **self.registry.variables, **more}
        return self.repository.run(workflow, event, payload, tree, until=until, named=named, secrets=secrets, **given)

    def judge(self, tree: Path, sha: str, number: int, title: str = "A change", until: str = "") -> Done:
        """Run the checks of a pull request, or one and what it needs; they ask the API for nothing."""
        event = proposed(tree, sha, number=number, title=title)
        with GitHubStub(NAME) as nobody:
            return self._run("pull-request.yml", "pull_request", event, tree, nobody.url, until=until, **FEW_TESTS)

    def comment(self, tree: Path, sha: str, done: Done, number: int) -> str:
        """Let comment.yml tell what the checks have found, and return the pull request's one comment."""
        tell(self.repository, self.hub, tree, sha, done, number=number)
        (found,) = self.hub.comments[number]
        return found["body"]

    def laptop(self, branch: str) -> Copy:
        """A person's clone on a branch of its own, with what they have made before."""
        tree = self.repository.clone(branch)
        for folder in (ROOT / ".dvc/cache", self.repository.folder / "laptop"):
            if folder.exists():
                shutil.copytree(folder, tree / ".dvc/cache", dirs_exist_ok=True)
        (tree / ".venv-deepchecks").symlink_to(ROOT / ".venv-deepchecks")
        (tree / ".git/info/exclude").write_text(".venv-deepchecks\n")  # a link is no folder to .gitignore
        return Copy(tree, git(tree, "rev-parse", "HEAD"))

    def judged(self, done: Done) -> None:
        """Let the API hand out what a pull request's checks have left for main: each output under its own hash."""
        for file in done.store.glob("artifacts/dvc-*.zip"):
            self.hub.artifact(RUN + 1 + len(self.hub.artifacts), file.read_bytes(), file.stem)

    def follow(self, *environments: str) -> None:
        """Let clusters have main as it is now."""
        tree = self.fresh()
        for each in environments:
            self.clusters[each].follow(tree)

    def watch(self, folder: Path) -> None:
        """Let Prometheus scrape prod."""
        said = scraping(self.clusters["prod"].targets())
        self.prometheus = self.ending.enter_context(Prometheus(folder, said))

    def counted(self, requests: int) -> None:
        """Wait until Prometheus has so many requests of prod's challenger from here on, and how long both roles took.

        Envoy tells times each 5 s after its start and counters at once: no number of seconds says that both are there.
        """
        began, at, namespace = time.time(), self.at(), overlay.namespace(self.said(), overlay.file("prod"))

        def known() -> bool:
            try:
                found = prometheus.Prometheus(self.prometheus.url, namespace).measured(time.time() - began, at)
            except CannotRun:  # scraped just while it started again
                return False
            return found.challenger.requests >= requests and None not in (found.champion.p99, found.challenger.p99)

        self.prometheus.until(known)

    def seed(self, laptop: Copy) -> None:
        """Keep rows that no model was trained on, as callers send them."""
        folder = Folder(laptop.path)
        rows, inputs = folder.parts()["test"], folder.table.features
        self.rows = [json.dumps(row_of(rows, inputs, place)).encode() for place in range(500)]

    @contextmanager
    def callers(self, rate: float = 400) -> Iterator[Load]:
        """Many users of prod; each of them has an answer, or this is a failure."""
        load = Load([self.clusters["prod"].router.port], self.rows[0], rate)
        load.requests = [
            (f"u{user}", post("/predict", self.rows[user % len(self.rows)], f"u{user}")) for user in range(USERS)
        ]
        with load:
            yield load
        assert [] == [answer for answer in load.answers if answer.status != 200][:3]

    def promote(self, to: str = "next", **inputs: str) -> Done:
        """Dispatch promote.yml for prod."""
        said = {"environment": "prod", "step": to, "reason": "", "force": "", "digest": ""} | inputs
        return self.run("promote.yml", "workflow_dispatch", {"ref": "refs/heads/main", "inputs": said})

    def said(self, environment: str = "prod", branch: str = "main") -> str:
        """An overlay's text."""
        return git(self.bare, "show", f"{branch}:{overlay.file(environment)}")

    def at(self) -> str:
        """The step of prod."""
        return step.current(self.said(), overlay.file("prod"))

    def image(self, role: str, environment: str = "prod", branch: str = "main") -> overlay.Image:
        """The image that an overlay names."""
        return overlay.images(self.said(environment, branch), overlay.file(environment))[role]


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Yield a stage whose main is this tree with a rehearsal's settings, and end all that was started on it."""
    repository = on_base(folder)
    (folder / "registry").mkdir()
    with ExitStack() as stack:
        registry = stack.enter_context(listening(folder / "registry"))
        hub, chat = stack.enter_context(GitHubStub(NAME)), stack.enter_context(chatting())
        clusters = {each: Cluster(folder, each) for each in ENVIRONMENTS}
        for each in clusters.values():
            stack.callback(each.stop)
        stage = Stage(repository, registry, hub, {}, chat, clusters, folder / "store", stack)
        heads = stage.bare
        pull_requests(hub, lambda branch: git(heads, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
        hub.tokens[TOKEN] = {"contents": "write", "pull-requests": "write", "actions": "write"}
        issues(artifacts(hub, TOKEN), TOKEN)
        hub.tokens[APP], hub.merging = hub.tokens["ghs_app"], stage.merge
        for old, new in SETTINGS.items():
            edit(stage.main, "params.yaml", old, new)
        commit(stage.main, "Rehearse in minutes")
        git(stage.main, "push", "-q", "origin", "main")
        yield stage


def quoted(text: str, most: int = 14) -> str:
    """The first lines of a text, as a quotation: of a comment, who says so and then the answer."""
    who, line, answer = text.partition("\n---\n")
    shown = [who.splitlines()[0], "", *answer.strip().splitlines()] if line else text.strip().splitlines()
    return "\n".join(f"> {each}".rstrip() for each in shown[:most])

"""A challenger's way through promote.yml and guard.yml: hand-made images in a real registry, and a real prediction log."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from github_stub import GitHubStub
from mlops.delivery import overlay, registry
from mlops.rollout import step
from mlops.serve.sinks.sqlite import TABLE
from oci import archive
from registry import listening
from remote import pull_requests
from tickets import issues
from workflows.act import NAME, TOKEN, Done, Repository, Story, commit, edit, git
from workflows.endpoints import known

MODELS = {"first": "a" * 64, "second": "b" * 64}
APP = "ghs_appToken0123456789abcdef"
FILE = "manifests/overlays/{}/kustomization.yaml"
SIGNER = f"https://github.com/{NAME}/.github/workflows/image.yml@refs/heads/main"


class Canary(Story):
    """A challenger's way, part by part."""

    def run(
        self,
        part: str,
        workflow: str,
        event: str,
        payload: dict,
        tree=None,
        app=False,
        secrets=None,
        started=None,
        **named: str,
    ) -> Done:
        """Run a workflow of today's main; a request that it does not declare is a failure. started: is told the runner's process."""
        tree = tree or self.fresh()
        asked, beside = len(self.hub.log), {"started": started} if started else {}
        named |= {"IMAGE_REPOSITORY": self.name}
        given = dict(secrets or {})
        if app:
            named["APP_CLIENT_ID"], given["APP_PRIVATE_KEY"] = "Iv1.abc", "a key"
        env = {"GITHUB_API_URL": self.hub.url} | self.registry.variables
        self.parts[part] = self.repository.run(
            workflow, event, payload, tree, named=named, secrets=given, **beside, **env
        )
        known(workflow, self.hub, asked)
        return self.parts[part]

    def promote(self, part: str, to: str = "next", started=None, **inputs) -> Done:
        """Dispatch promote.yml for prod."""
        said = {"environment": "prod", "step": to, "reason": "", "force": "", "digest": ""} | inputs
        payload = {"ref": "refs/heads/main", "inputs": said}
        return self.run(part, "promote.yml", "workflow_dispatch", payload, started=started)

    def alert(self, part: str, text: str, environment: str = "prod", **more) -> Done:
        """Dispatch guard.yml as Alertmanager does."""
        payload = {"action": "alert", "client_payload": {"environment": environment, "alert": text}}
        return self.run(part, "guard.yml", "repository_dispatch", payload, **more)

    def schedule(self, part: str, at: str = "17 * * * *", **more) -> Done:
        """Run guard.yml by its schedule."""
        return self.run(part, "guard.yml", "schedule", {"schedule": at}, **more)

    def push(self, role: str) -> str:
        """Put an image of a model into the registry, signed, and return its digest."""
        file = self.repository.folder / f"{role}.tar"
        digest = archive(file, {"mlops.model-hash": MODELS[role]})
        registry.copy(str(file), f"{self.registry.host}/{NAME}", digest)
        return digest

    def sign(self, *digests: str) -> None:
        """Let the stand-in for cosign know them as signed by our release."""
        kept = [{"image": each, "who": SIGNER, "type": "https://sigstore.dev/cosign/sign/v1"} for each in digests]
        (self.repository.folder / "caches").mkdir(exist_ok=True)
        (self.repository.folder / "caches/cosign.json").write_text(json.dumps(kept))

    def serve(self, environment: str, role: str, digest: str) -> None:
        """Let an environment's overlay name an image, on main."""
        name = FILE.format(environment)
        text = (self.main / name).read_text(encoding="utf-8")
        image = overlay.Image(f"{self.registry.host}/{NAME}", digest, MODELS[role])
        (self.main / name).write_text(overlay.with_image(text, name, "champion", image), encoding="utf-8")
        commit(self.main, f"{environment} serves {role}")
        git(self.main, "push", "-q", "origin", "main")

    def change(self, name: str, old: str, new: str) -> None:
        """Put an edit on main."""
        self.fresh()
        edit(self.main, name, old, new)
        commit(self.main, f"Change {name}")
        git(self.main, "push", "-q", "origin", "main")

    def prod(self, branch: str = "main") -> str:
        """The overlay of prod as a branch has it."""
        return git(self.bare, "show", f"{branch}:{FILE.format('prod')}")

    def at(self, branch: str = "main") -> str:
        """The step of prod."""
        return step.current(self.prod(branch), "prod")


def log(path, failing: bool) -> str:
    """Write a prediction log in which the challenger answers all of its requests, or none; return its address."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as base:
        base.executescript(TABLE)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for place in range(2000):
            arm = "challenger" if place % 4 == 0 else "champion"
            model = MODELS["second" if arm == "challenger" and not failing else "first"]
            row = (now, f"r{place}", 0, None, model, arm, "{}", (place % 997) / 997, None, "true", 1.0)
            base.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        base.commit()
    return f"sqlite:///{path}"


@contextmanager
def canary(folder: Path) -> Iterator[Canary]:
    """Yield a story whose main serves nothing yet, with a registry and an API of its own."""
    quick = ("settle_minutes: 5", "settle_minutes: 0")
    repository = Repository.make(folder, {"params.yaml": quick})
    (folder / "registry").mkdir()
    with GitHubStub(NAME) as hub, listening(folder / "registry") as served:
        bare = repository.folder / "origin.git"
        pull_requests(hub, lambda branch: git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
        hub.tokens[TOKEN] = {"contents": "write", "pull-requests": "write", "actions": "write"}
        issues(hub, TOKEN)
        hub.tokens[APP] = hub.tokens["ghs_app"]
        told = Canary(repository, served, hub, {})
        hub.merging = told.merge
        yield told

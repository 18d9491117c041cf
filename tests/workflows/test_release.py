"""release.yml and image.yml, really run: a merge, its image in a real registry, its pull request; refusals; runs that died.

One story on one main: each part begins where the one before has ended.
"""

import io
import json
import zipfile

import pytest

from github_stub import Fault, GitHubStub
from images_built import needs_images
from mlops import dvc
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import images
from mlops.delivery.restore import hash_files
from registry import Registry
from remote import pull_requests
from tickets import artifacts, issues
from workflows.act import NAME, TOKEN, Done, Story, commit, edit, git, on_base
from workflows.endpoints import known

pytestmark = [pytest.mark.slow, needs_images]
ALL = {"plan", "verify", "build", "scan", "findings", "push", "sign", "deploy", "ticket"}
PUSH = {"ref": "refs/heads/main"}


class Releases(Story):
    """A merge and what comes of it, part by part."""

    def run(self, part: str, event: str = "push", payload: dict = PUSH, tree=None, **env: str) -> Done:
        """Run release.yml."""
        given = {"GITHUB_API_URL": self.hub.url, **self.registry.variables, **env}
        named = {"IMAGE_REPOSITORY": self.name}
        asked = len(self.hub.log)
        self.parts[part] = self.repository.run("release.yml", event, payload, tree, named=named, **given)
        known("release.yml", self.hub, asked)
        return self.parts[part]

    def merge(self, name: str, old: str, new: str) -> str:
        """Put a change on main, and return its commit."""
        edit(self.main, name, old, new)
        made = commit(self.main, f"Change {name}")
        git(self.main, "push", "-q", "origin", "main")
        git(self.main, "fetch", "-q", "origin")
        return made

    def proposed(self, environment: str = "staging") -> str:
        """The digest that the pull request's branch has for an environment."""
        path = f"manifests/overlays/{environment}/kustomization.yaml"
        text = git(self.repository.folder / "origin.git", "show", f"deploy/dev-staging:{path}")
        return images(text, path)["champion"].digest

    def found(self) -> registries.Found | None:
        """What the registry has at main's build key."""
        return registries.find(self.name, build_key(root=self.main))

    def left(self, *damaged: str) -> None:
        """Leave main's cache as the artifact of a pull request's checks, with other bytes under the hashes `damaged`."""
        cache, data = next((self.repository.folder / "caches").glob("dvc-*")), io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for file in sorted((cache / "files").rglob("*")):
                if file.is_file():
                    name = file.relative_to(cache / "files").as_posix()
                    archive.writestr(name, b"poison" if name.replace("/", "")[3:] in damaged else file.read_bytes())
        self.hub.artifact(len(self.hub.artifacts) + 1, data.getvalue(), f"dvc-{hash_files(self.main / 'dvc.lock')}")


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The whole of it."""
    repository = on_base(tmp_path_factory.mktemp("hub"))
    bare, registry = repository.folder / "origin.git", Registry(tmp_path_factory.mktemp("registry")).start()
    with GitHubStub(NAME) as hub:
        pull_requests(hub, lambda branch: git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
        hub.tokens[TOKEN] = {"contents": "write", "pull-requests": "write"}
        issues(artifacts(hub, TOKEN), TOKEN)
        told = Releases(repository, registry, hub, {})
        try:
            play(told)
            yield told
        finally:
            registry.stop()


def play(story: Releases) -> None:
    """Every part, in its order."""
    hub, model = story.hub, dvc.out_hash(dvc.read_lock(story.main / "dvc.lock"), "models/model.onnx")
    hub.faults.append(Fault("POST .*/pulls$", 500))
    story.run("died before its pull request")
    story.parts["tickets then"] = [dict(each) for each in hub.issues]
    story.run("daily", "schedule", {"schedule": "23 3 * * *"})
    story.first = story.found()
    older = story.repository.clone("older")
    git(older, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(older, "checkout", "-q", "main")

    story.merge("src/mlops/serve/page.css", "body", "/* newer */\nbody")
    story.left()
    story.left(model)  # the newest is looked into first
    story.run("a hole", TRIVY_FINDS="a hole")
    story.parts["after a hole"] = story.found()
    story.registry.stop()
    story.registry.start(readonly=True)
    story.run("a registry that refuses")
    story.parts["after a refusal"] = story.found()
    story.registry.stop()
    story.registry.start()
    story.run("run again", "schedule", {"schedule": "23 3 * * *"})  # as after a merge that started no run
    story.second = story.found()

    story.run("an old one again", tree=older)
    story.run("of a branch", "workflow_dispatch", {"ref": "refs/heads/feature"})
    judged = json.loads((story.main / "metrics.json").read_text())["model_hash"]
    story.merge("metrics.json", judged, "0" * 64)
    story.run("a model that was not judged")


def test_a_merge_ends_in_a_signed_image(story):
    """Every job but the one that died succeeds; the registry has those bytes at main's build key, with their labels."""
    done = story.parts["died before its pull request"]
    assert dict.fromkeys(ALL, "success") | {"deploy": "failure"} == done.jobs
    assert f"image {story.first.image.digest} of key" in done.said("build")
    made = story.first.label("commit")
    assert git(story.main, "rev-list", "--max-parents=0", "HEAD") == made
    judged = json.loads(git(story.main, "show", f"{made}:metrics.json"))
    assert judged["model_hash"] == story.first.label("model-hash")
    assert (
        f"{story.first.image} is signed by https://github.com/{NAME}/.github/workflows/image.yml@refs/heads/main"
        in done.said("sign")
    )


def test_sbom_and_provenance_are_attached_before_the_signature(story):
    """Of that digest, in this order; the provenance names the commit and the builder."""
    kept = json.loads((story.repository.folder / "caches/cosign.json").read_text())
    first = [each for each in kept if each["image"] == story.first.image.digest]
    assert ["cyclonedx", "slsaprovenance1", "https://sigstore.dev/cosign/sign/v1"] == [each["type"] for each in first]
    sources = first[1]["about"]["buildDefinition"]["resolvedDependencies"]
    assert {"gitCommit": story.first.label("commit")} in [each["digest"] for each in sources]


def test_bytes_that_are_nowhere_are_made_again(story):
    """The pipeline runs on main's own tree, and what it makes is held against the lock."""
    ran = story.parts["died before its pull request"].ran("verify")
    assert [
        "restore",
        "fingerprint",
        "ingest",
        "validate",
        "prepare",
        "train",
        "evaluate",
        "behaviour",
        "deepchecks",
    ] == ran[:9]
    assert ["repro", "verify", "compare"] == ran[9:]


def test_a_run_that_died_has_a_ticket(story):
    """It names the job; the next green run closes it."""
    (ticket,) = story.parts["tickets then"]
    assert ("open", "release failed") == (ticket["state"], ticket["title"])
    assert "Failed: **deploy**" in ticket["body"]
    assert "closed" == story.hub.issues[0]["state"]


def test_the_daily_run_ends_what_died_and_builds_nothing(story):
    """The image is there and signed: its pull request is opened, and nothing else runs."""
    done = story.parts["daily"]
    assert dict.fromkeys(["plan", "deploy", "ticket"], "success") == done.jobs
    assert "is of this commit, and signed" in done.said("plan")
    assert "#100" in done.said("deploy")


def test_the_pull_request_is_one_and_touches_manifests_alone(story):
    """dev and staging, three lines each; its checks were started; it rolls to the newest digest."""
    assert 1 == len(story.hub.pulls)
    bare = story.repository.folder / "origin.git"
    changed = git(bare, "diff", "--numstat", "deploy/dev-staging^", "deploy/dev-staging").splitlines()
    assert [f"3\t3\tmanifests/overlays/{each}/kustomization.yaml" for each in ("dev", "staging")] == changed
    assert [story.second.image.digest] * 2 == [story.proposed(each) for each in ("dev", "staging")]
    assert {("pull-request.yml", "deploy/dev-staging")} == set(story.hub.dispatched)


def test_bytes_that_were_reviewed_are_taken_by_their_hash(story):
    """An artifact with other bytes under the model's hash is not believed, the next one is; nothing is trained."""
    done = story.parts["a hole"]
    assert "an artifact has other bytes under" in done.said("verify")
    assert "15 of 15 outputs of dvc.lock (from an artifact)" in done.said("verify")
    assert ["restore", "fingerprint", "repro", "verify", "compare"] == done.ran("verify")


def test_an_image_with_a_hole_goes_nowhere(story):
    """The scan is red, what it found is uploaded, and nothing is pushed."""
    done = story.parts["a hole"]
    assert ("success", "failure", "success") == tuple(done.jobs[name] for name in ("build", "scan", "findings"))
    assert "CVE-2026-1 HIGH libc6 1, mended in 2" in done.said("scan")
    assert (done.store / "uploaded.sarif").exists()
    assert not {"push", "sign", "deploy"} & done.jobs.keys()
    assert story.parts["after a hole"] is None


def test_a_registry_that_refuses_releases_nothing(story):
    """With words; the image is not there."""
    done = story.parts["a registry that refuses"]
    assert ("success", "failure") == (done.jobs["scan"], done.jobs["push"])
    assert "refuses the image" in done.said("push")
    assert "nothing was released; run this job again" in done.said("push")
    assert not {"sign", "deploy"} & done.jobs.keys()
    assert story.parts["after a refusal"] is None


def test_the_same_commit_run_again_ends_well(story):
    """The bytes of the run that was refused, byte for byte, and the pull request moves to them."""
    done = story.parts["run again"]
    assert dict.fromkeys(ALL, "success") == done.jobs
    assert f"image {story.second.image.digest} of key" in story.parts["a registry that refuses"].said("build")
    assert story.second.image.digest != story.first.image.digest
    assert "#100 proposes" in done.said("deploy")


def test_an_old_release_that_runs_again_moves_nothing_back(story):
    """Its image is there and signed; main is built to another."""
    done = story.parts["an old one again"]
    assert dict.fromkeys(["plan", "deploy", "ticket"], "success") == done.jobs
    assert f"{story.first.image} is not what main" in done.said("deploy")
    assert story.second.image.digest == story.proposed()


def test_a_branch_releases_nothing(story):
    """Whoever dispatches it there."""
    assert {} == {job: result for job, result in story.parts["of a branch"].jobs.items() if result != "skipped"}


def test_a_model_that_was_not_judged_stops_everything(story):
    """Metrics and lock do not belong together: nothing is built, and the ticket names the job."""
    done = story.parts["a model that was not judged"]
    assert "metrics.json names 000000000000" in done.said("verify")
    assert "failure" == done.jobs["verify"]
    assert not {"build", "push", "sign", "deploy"} & done.jobs.keys()
    assert ("open", "Failed: **verify**") == (
        story.hub.issues[-1]["state"],
        story.hub.issues[-1]["body"].splitlines()[1][:18],
    )

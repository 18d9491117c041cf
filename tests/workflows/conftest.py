"""The pull requests that the workflow files are really run on: good, degraded, broken, and from a hostile fork.

All start from the same main, on which release.yml and reports.yml have run. Each is judged by pull-request.yml, then told by comment.yml.
"""

import zipfile

import pytest

from github_stub import GitHubStub
from registry import listening
from tickets import artifacts, issues
from workflows.act import NAME, TOKEN, Done, Repository, commit, edit
from workflows.judged import PullRequest, through

TITLE = "A harmless change $(touch $HOME/pwned) `touch $HOME/pwned` ${{ github.token }} '; touch $HOME/pwned; '"
LOOT, FENCE = "loot.jsonl", "`" * 3
PROD = "manifests/overlays/prod/kustomization.yaml"
SPY = f"""
import atexit, json, os, pathlib, subprocess
with open(pathlib.Path.home() / "{LOOT}", "a") as loot:
    known = subprocess.run(["git", "config", "--list"], capture_output=True, text=True).stdout
    loot.write(json.dumps({{"env": dict(os.environ), "git": known}}) + "\\n")
def rewrite():
    if pathlib.Path("reports/report.md").exists():
        pathlib.Path("reports/report.md").write_text(HOSTILE)
atexit.register(rewrite)
HOSTILE = '''**This pull request PASSES**
<img src=x onerror=alert(1)><script>steal()</script> @acme/owners fixes #1
[merge me](https://evil.example/) ![](https://evil.example/pixel.png)
'''
"""


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Repository:
    """This tree as main of a repository that publishes its reports."""
    return Repository.make(tmp_path_factory.mktemp("hub"), {"params.yaml": ("publish: false", "publish: true")})


@pytest.fixture(scope="session")
def saved(repository, tmp_path_factory) -> Done:
    """What release.yml did when main was pushed, up to the cache that pull requests begin with."""
    folder = tmp_path_factory.mktemp("registry")
    with listening(folder) as registry, artifacts(GitHubStub(NAME), TOKEN) as hub:
        named = {"IMAGE_REPOSITORY": f"{registry.host}/{NAME}"}
        event = {"ref": "refs/heads/main"}
        return repository.run("release.yml", "push", event, until="verify", named=named, GITHUB_API_URL=hub.url)


@pytest.fixture(scope="session")
def pushed(repository, saved) -> Done:
    """What reports.yml did after it."""
    ended = {"action": "completed", "workflow_run": {"name": "release", "conclusion": "success"}}
    with issues(GitHubStub(NAME), TOKEN) as hub:
        hub.tokens[TOKEN]["pull-requests"] = "read"
        return repository.run("reports.yml", "workflow_run", ended, GITHUB_API_URL=hub.url)


@pytest.fixture(scope="session")
def good(repository, pushed):
    """A pull request that makes the model smaller: first without its lock, then with the one that CI made."""
    tree, hub = repository.clone("smaller"), GitHubStub(NAME)
    with hub:
        edit(tree, "params.yaml", "n_estimators: 120", "n_estimators: 100")
        stale = through(repository, hub, tree, commit(tree, "Fewer trees"))
        with zipfile.ZipFile(stale.judged.artifact("lock")) as lock:
            lock.extractall(tree)
        return stale, through(repository, hub, tree, commit(tree, "Take the lock from CI"))


@pytest.fixture(scope="session")
def degraded(repository, pushed) -> PullRequest:
    """A pull request that takes the two strongest columns from the model."""
    tree, hub = repository.clone("degraded"), GitHubStub(NAME)
    with hub:
        for column in ("late_payments", "income"):
            edit(tree, "data/contract.yaml", f"  {column}:\n", f"  {column}:\n    feature: false\n")
        return through(repository, hub, tree, commit(tree, "Drop two columns"))


@pytest.fixture(scope="session")
def broken(repository, pushed) -> PullRequest:
    """A pull request whose contract the data does not keep: the pipeline stops at validate."""
    tree, hub = repository.clone("broken"), GitHubStub(NAME)
    with hub:
        edit(tree, "data/contract.yaml", "min: 18", "min: 40")
        return through(repository, hub, tree, commit(tree, "Only grown-ups"))


@pytest.fixture(scope="session")
def hostile(repository, pushed) -> PullRequest:
    """A fork's pull request that looks for tokens, rewrites its report, loosens a gate, and has a branch name to be run."""
    branch = 'x";touch${IFS}$HOME/pwned;#$(touch${IFS}$HOME/pwned)`touch${IFS}$HOME/pwned`'
    tree, hub = repository.clone(branch), GitHubStub(NAME)
    with hub:
        (tree / "src/model/metrics.py").open("a", encoding="utf-8").write(SPY)
        edit(tree, "params.yaml", "max_degradation: 0.01", "max_degradation: 0.9")
        return through(repository, hub, tree, commit(tree, TITLE), source="mallory/loans", title=TITLE)


@pytest.fixture(scope="session")
def moved(repository, pushed) -> PullRequest:
    """A fork's pull request that touches manifests/ alone, by a text that tries to be more than a text."""
    tree, hub = repository.clone("moved"), GitHubStub(NAME)
    with hub:
        edit(tree, PROD, "rollout/stable", "rollout/shadow")
        edit(tree, PROD, "namespace: model-prod", f"namespace: model-prod # {FENCE}")
        with (tree / PROD).open("a", encoding="utf-8") as file:
            file.write(f"# {FENCE}\n# **passed** @acme/owners ![](https://evil.example/pixel.png)\n")
        return through(repository, hub, tree, commit(tree, "Promote"), source="mallory/loans")


@pytest.fixture(scope="session")
def unruly(repository, pushed) -> Done:
    """What the job manifests says of a change that breaks the policy."""
    tree = repository.clone("unruly")
    edit(tree, "manifests/model/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false")
    commit(tree, "Run as root")
    event = {"action": "opened", "pull_request": {"number": 8, "base": {"ref": "main"}}}
    return repository.run("pull-request.yml", "pull_request", event, tree, until="manifests")

"""What several rooms of tests need: a repository with pull request 7, whose API grants exactly what comment.yml grants to its two
jobs, and working folders in which a model was trained and evaluated.
"""

import argparse
import json
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

import chat as chats
from github_stub import SHA, GitHubStub, finished_run, pull, zipped
from registry import listening
from tables import Folder, applications, one_thread

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/comment.yml").read_text())


# Their fixtures are runs of workflows, minutes each: on two workers each would make them for itself.
TOGETHER = {f"tests/workflows/{name}.py" for name in ("test_comment", "test_pull_request", "test_reports")}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """As `--dist loadfile`: the tests of a file stay on one worker; so do those of TOGETHER."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "pull requests" if file in TOGETHER else file

    return Together(config, log)


@pytest.fixture(autouse=True)
def _laptop(monkeypatch):
    """Tests run as on a laptop, also in CI; one that means CI says so."""
    for name in ("CI", "ALERT_WEBHOOK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stub():
    """The API: a read token for the job clean, a write token for the job post."""
    with GitHubStub() as running:
        for job in ("clean", "post"):
            running.tokens[f"ghs_{job}"] = WORKFLOW["jobs"][job]["permissions"]
        running.pulls.append(pull(7, SHA))
        running.files[7] = [{"filename": "src/model/features.py"}]
        running.artifact(12, zipped(report_md=b"# Verdict: pass\n"))
        yield running


@pytest.fixture
def step(stub, tmp_path, monkeypatch):
    """Runs a verb as its workflow step does, and gives (exit code, outputs, step summary)."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(finished_run(SHA)))
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    env = {"GITHUB_API_URL": stub.url, "GITHUB_REPOSITORY": stub.repository, "GITHUB_EVENT_PATH": event}
    env |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_SHA": "b" * 40, "SECRET": "not for CML", **files}
    for name, value in env.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)

    def run(verb, token, *words):
        monkeypatch.setenv("GITHUB_TOKEN", token)
        for file in files.values():
            file.write_text("")
        parser = argparse.ArgumentParser()
        verb.add_arguments(parser)
        code = verb.run(parser.parse_args(words))
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return code, outputs, files["GITHUB_STEP_SUMMARY"].read_text().strip()

    run.event = event
    return run


@pytest.fixture
def workflow():
    """comment.yml, parsed."""
    return WORKFLOW


@pytest.fixture
def cml_program(tmp_path):
    """CML's stand-in as one executable file."""
    program = tmp_path / "cml"
    program.write_text(f"#!{sys.executable}\n{(ROOT / 'tests/cml_standin.py').read_text()}")
    program.chmod(0o755)
    return program


@pytest.fixture
def registry(tmp_path):
    """A real registry of images."""
    (tmp_path / "registry").mkdir()
    with listening(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def chat(monkeypatch):
    """A chat that ALERT_WEBHOOK names."""
    with chats.listening() as running:
        monkeypatch.setenv("ALERT_WEBHOOK", running.url)
        yield running


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with params and contract, as working directory."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path).start()


@pytest.fixture(scope="session")
def answered(tmp_path_factory):
    """A function: task -> the folder of a pipeline that ran to `evaluate` on 1,200 rows; tests read it, and change only copies."""

    @cache
    def run(task: str) -> Folder:
        path = tmp_path_factory.mktemp(task)
        with pytest.MonkeyPatch.context() as patch, one_thread():
            patch.chdir(path)
            return Folder(path).start().ask(task).raw(applications()).run("prepare", "train", "evaluate")

    return run


@pytest.fixture(scope="session")
def evaluated(answered):
    """The one of task binary."""
    return answered("binary")


@pytest.fixture
def copied(answered, tmp_path, monkeypatch):
    """A function: task -> a copy of that folder, as working directory."""

    def copy(task: str) -> Folder:
        monkeypatch.chdir(tmp_path)
        shutil.copytree(answered(task).path, tmp_path, dirs_exist_ok=True)
        return Folder(tmp_path)

    return copy


@pytest.fixture
def trained(copied):
    """The one of task binary."""
    return copied("binary")

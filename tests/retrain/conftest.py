"""A challenger of the sample, trained on months in which what a loan is for counts eight times; a remote that one is proposed to."""

import numpy as np
import pytest

import retrain_cases
from champions import TABLE, knobs
from github_stub import GitHubStub
from mlops import split
from mlops.encoding import spec
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.params import Window
from mlops.pipeline import ingest
from mlops.pipeline.train import described, fit
from mlops.retrain.retrain import Trained
from remote import pull_requests

MONTHS = Window(start="2026-05", end="2026-09")


@pytest.fixture(scope="session")
def trained() -> Trained:
    """The model, and the keys of the rows that it was trained on."""
    said = knobs()
    frame = ingest.given(said.data, TABLE, MONTHS.start, MONTHS.end)
    part = split.assign(frame, TABLE, said.split).to_numpy()
    fitted = fit(frame[part == "train"], frame[part == "validation"], TABLE, said.train)
    model = to_onnx(fitted["pipeline"], spec(TABLE), fitted["calibration"], described(TABLE, fitted["threshold"]))
    return Trained(Model(model), {*split.keys(frame[np.isin(part, ("train", "validation"))], TABLE)}, {})


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main with prod at step stable, as working directory."""
    (tmp_path / "git").mkdir()
    made = retrain_cases.main(tmp_path / "git")
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture
def stub(remote, tmp_path, monkeypatch):
    """The API, and a token and an output as a workflow's step has them."""
    with GitHubStub() as running:
        pull_requests(running, remote.head)
        given = {"GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_bot", "GITHUB_API_URL": running.url}
        for name, value in (given | {"GITHUB_OUTPUT": str(tmp_path / "output")}).items():
            monkeypatch.setenv(name, value)
        for name in ("APP", "GITHUB_SERVER_URL", "GITHUB_STEP_SUMMARY"):
            monkeypatch.delenv(name, raising=False)
        yield running


@pytest.fixture
def outputs(tmp_path):
    """A function: the outputs of the last step, of which no other is left."""

    def read() -> dict[str, str]:
        text = (tmp_path / "output").read_text()
        (tmp_path / "output").write_text("")
        return dict(line.split("=", 1) for line in text.splitlines())

    return read

"""The guard finds each fault of a challenger by Prometheus' figures alone, and its rollback is merged where an App may."""

import json
import re

import pytest

from mlops.onnx_model import Model
from mlops.rollout import step
from prometheus import needs_prometheus
from rollout.alarms import QUIET, rolled_back
from rollout.faults import ABSENT, FAULTS, World
from rollout_cases import NAME
from router import needs_envoy
from serving import row_of

pytestmark = [pytest.mark.slow, pytest.mark.load, needs_envoy, needs_prometheus]
SAID = {
    "killed": "answered by the champion in its place",
    "hung": "answered by the champion in its place",
    "answers 500": "answered by the champion in its place",
    "3 times slower": "p99",
    "answers garbage": "answered by the champion in its place",
    # Of its own requests, which are a quarter of all. The router and the champion are not scraped at the same moment: of the twelve
    # seconds before, a second of requests may be known of one alone.
    ABSENT: r"(100|9\d)\.\d\d% of its requests were answered by the champion",
}


@pytest.fixture
def apart(models, answered, row) -> bytes:
    """A row that the two models score more than a bin of the histogram apart."""
    rows, (one, other) = answered("binary").parts()["test"], (Model.read(each / "models/model.onnx") for each in models)
    place = int(abs(one.score(rows) - other.score(rows)).argmax())
    assert abs(one.score(rows)[place] - other.score(rows)[place]) > 0.1
    return json.dumps(row_of(rows, row, place)).encode()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_in_a_merged_rollback(models, hashes, body, tmp_path, fault):
    """Before it the guard says nothing; after it main is stable, and remembers why."""
    first = QUIET if fault == ABSENT else 0
    found = rolled_back(World(models, body, tmp_path, seconds=0), tmp_path, hashes, fault, first=first)
    assert "" == found.quiet
    assert re.search(SAID[fault], found.why)
    assert ("stable", [f"sha256:{'1' * 64}"]) == (step.current(found.prod, NAME), step.rejected(found.prod, NAME))
    assert found.why == step.evidence(found.prod, NAME)


def test_a_challenger_that_scores_otherwise_is_found(models, hashes, apart, tmp_path):
    """It is fast, and makes no error: its scores alone say it."""
    found = rolled_back(World(models, apart, tmp_path, seconds=0), tmp_path, hashes, "", params=("", ""))
    assert "population stability index" in found.why
    assert "stable" == step.current(found.prod, NAME)


def test_a_shadow_that_answers_nothing_is_found_as_well(models, hashes, body, tmp_path):
    """Nobody waits for it, so nobody else would notice."""
    found = rolled_back(World(models, body, tmp_path, seconds=0), tmp_path, hashes, "killed", at="shadow")
    assert "of the copies failed" in found.why

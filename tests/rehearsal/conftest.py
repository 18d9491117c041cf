"""The rehearsal's own run: one stage for all acts, in their order, told on the screen."""

import os
import shutil

import pytest

from images_built import TOOLS
from router import ENVOY

pytest.register_assert_rewrite("rehearsal.stage", "rehearsal.cluster")

from rehearsal.stage import Stage, staged  # noqa: E402

NEEDS = (
    f"the rehearsal needs {{}}: `apt-get install -y {' '.join(TOOLS)} prometheus` as root; make brings act and kustomize (with Go), "
    "and Envoy where there is a wheel of it"
)


def pytest_report_teststatus(report):
    """An act that is well needs no dot: it tells its story."""
    if report.when == "call" and report.passed and "rehearsal/test_story" in report.nodeid:
        return report.outcome, "", ""
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember which act failed: those behind it have nothing to stand on."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("stage")
    if report.failed and stage is not None:
        stage.failed = item.name
    return report


@pytest.fixture(scope="module")
def told(request, tmp_path_factory) -> Stage:
    """Where it is played; who asks for it on a machine that lacks a program is told so, others skip it."""
    missing = [name for name in (*TOOLS, "prometheus", "act", "kustomize") if not shutil.which(name)]
    missing += [] if ENVOY else ["envoy"]
    if missing and not os.environ.get("CI") and "rehearsal" not in request.config.option.markexpr:
        pytest.skip(f"needs {', '.join(missing)}; .ci/run has them")
    if missing:
        pytest.fail(NEEDS.format(", ".join(missing)), pytrace=False)
    with staged(tmp_path_factory.mktemp("rehearsal")) as stage:
        yield stage


@pytest.fixture
def stage(told) -> Stage:
    """The same, for an act whose earlier ones were played well."""
    if told.failed:
        pytest.skip(f"{told.failed} failed before it")
    return told

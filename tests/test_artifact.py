"""A file out of a run's artifact, as bytes: the right one, or the reason why there is none."""

import bz2
import contextlib
import io
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from github_stub import Fault, zipped
from mlops.artifact import Unusable, _entry, read
from mlops.github import GitHub, GitHubError


@pytest.fixture
def hub(stub):
    return GitHub(stub.repository, "ghs_clean", stub.url, backoff=0)


def reason(call, *args) -> str:
    with pytest.raises(Unusable) as caught:
        call(*args)
    return str(caught.value)


def test_the_report_is_read(hub):
    """The bytes of report.md in the artifact `report` of the run."""
    assert read(hub, 12, "report", "report.md")[0] == b"# Verdict: pass\n"


def test_the_newest_artifact_counts(stub, hub):
    """A run that was repeated leaves one artifact an attempt, and others beside it."""
    stub.artifact(12, zipped(report_md=b"second"))
    stub.artifact(12, zipped(report_md=b"other"), name="models")
    assert read(hub, 12, "report", "report.md")[0] == b"second"


def test_a_run_without_artifact_has_no_report(hub):
    """A run that died early left nothing."""
    assert "ended before" in reason(read, hub, 13, "report", "report.md")


@pytest.mark.parametrize(
    ("data", "facts", "why"),
    [
        (b"x", {"expired": True}, "expired"),
        (b"x", {"size_in_bytes": 2_000_001}, "2,000,001 bytes"),
        (b"x" * 2_000_001, {"size_in_bytes": 5}, "larger than it says"),
        (b"no zip", {}, "damaged"),
        (zipped(other_md=b"x"), {}, "holds no report.md"),
        (zipped(**{"../report.md": b"x", "/report.md": b"x", "a/report.md": b"x", "REPORT.md": b"x"}), {}, "holds no"),
        (zipped(report_md=b"\0" * 10_000_000), {}, "10,000,000 bytes"),
    ],
    ids=["expired", "declared size", "real size", "no zip", "other name", "paths", "bomb"],
)
def test_an_artifact_that_is_not_right_has_no_report(stub, hub, data, facts, why):
    """What cannot be used is named in the comment and never unpacked."""
    stub.artifact(12, data, **facts)
    assert why in reason(read, hub, 12, "report", "report.md")


def test_a_bomb_that_lies_about_its_size_is_refused():
    """Ten megabytes that are declared as ten bytes are damaged, not read."""
    data = zipped(report_md=b"\0" * 10_000_000)
    lie = data.replace(struct.pack("<L", 10_000_000), struct.pack("<L", 10))
    assert lie != data
    assert reason(_entry, lie, "report.md") == "its artifact is damaged"


def test_a_packing_that_comes_out_whole_is_refused():
    """bzip2 is not read: 45 bytes of it can hold a megabyte."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("report.md", "x")
    assert len(bz2.compress(b"\0" * 1_000_000)) < 100
    assert "packed in a way" in reason(_entry, data.getvalue(), "report.md")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 200))
def test_any_damage_gives_bytes_or_a_reason(changes, cut):
    """However a zip is damaged, the answer is bytes within the limit or Unusable."""
    data = bytearray(zipped(report_md=b"# Verdict\n" * 9, other_md=b"x"))
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(Unusable):
        assert len(_entry(bytes(data[: len(data) - cut]), "report.md")) <= 1_000_000


def test_a_failing_api_is_no_missing_report(stub, hub):
    """An artifact that GitHub does not give out is an error of the job, not of the pull request."""
    stub.faults.append(Fault("zip", 500))
    with pytest.raises(GitHubError, match="500"):
        read(hub, 12, "report", "report.md")[0]

"""reports.yml, really run after a release of a main whose params.yaml asks for Pages."""

import pytest

from github_stub import BOT, SHA, GitHubStub, pull
from mlops import dvc
from mlops.ticket import MARK
from tickets import issues
from workflows.act import NAME, TOKEN, commit, edit, git
from workflows.endpoints import known

pytestmark = pytest.mark.slow
PROD = "manifests/overlays/prod/kustomization.yaml"
HOSTILE = "Promote prod to shadow: \u202e<script>alert(1)</script> [here](https://evil.example/)"


@pytest.fixture(scope="module")
def redrawn(repository, pushed):
    """What reports.yml did when a promotion was merged, while another one was open."""
    with issues(GitHubStub(NAME), TOKEN) as hub:
        hub.tokens[TOKEN]["pull-requests"] = "read"
        hub.issues.append({"number": 1, "state": "open", "user": {"login": BOT}, "body": MARK.format("reports")})
        hub.pulls.append(
            pull(7, SHA, "promote/prod") | {"title": HOSTILE, "created_at": "2026-11-01T12:00:00Z"},
        )
        done = pushed_with(repository, hub)
        return done, hub.calls(), [dict(each) for each in hub.issues]


@pytest.fixture(scope="module")
def lost(repository, pushed):
    """What it did for a push whose beginning nobody knows, as of a branch that is made anew."""
    with issues(GitHubStub(NAME), TOKEN) as hub:
        event = {"ref": "refs/heads/main", "before": "0" * 40}
        hub.heads = lambda branch: git(repository.folder / "main", "rev-parse", "HEAD")
        return repository.run("reports.yml", "push", event, GITHUB_API_URL=hub.url), hub.issues


@pytest.fixture(scope="module")
def beside(repository, pushed):
    """What it did when a retrain was merged, which touches more than manifests."""
    with issues(GitHubStub(NAME), TOKEN) as hub:
        return pushed_with(repository, hub, "params.yaml")


def pushed_with(repository, hub, *touched: str):
    """Run it for a push to main that moves prod, and touches these files; main stays as it was."""
    main = repository.folder / "main"
    before = git(main, "rev-parse", "HEAD")
    edit(main, PROD, "rollout/stable", "rollout/shadow")
    for name in touched:
        (main / name).open("a", encoding="utf-8").write("# another line\n")
    commit(main, "A merge")
    try:
        event = {"ref": "refs/heads/main", "before": before}
        done = repository.run("reports.yml", "push", event, GITHUB_API_URL=hub.url)
        known("reports.yml", hub)
        return done
    finally:
        git(main, "reset", "-q", "--hard", before)


def published(done, name: str) -> str:
    """A page of the site."""
    (page,) = (done.store / "published").rglob(name)
    return page.read_text(encoding="utf-8")


def test_main_runs_its_pipeline_and_publishes(pushed):
    """Every job succeeds: the pipeline on main, the record of it, and the deployment."""
    assert dict.fromkeys(["reports", "record", "pages", "ticket"], "success") == pushed.jobs


def test_what_main_made_is_recorded_as_it_is(pushed):
    """No stage runs again for the record; a store that is not named is said once."""
    assert ["fingerprint", "repro", "log", "push"] == pushed.ran("record")
    assert 1 == pushed.said("record").count("not configured")


def test_what_release_saved_is_not_made_again(pushed):
    """The pipeline of the reports' own job takes every output from main's cache."""
    assert ["fingerprint", "repro", "compare", "publish"] == pushed.ran("reports")


def test_main_saves_the_cache_that_pull_requests_begin_with(repository, saved):
    """One cache, whose key is that of dvc.lock, with the model that the lock names."""
    caches = list((repository.folder / "caches").glob("dvc-*"))
    assert 1 == len(caches)
    lock = dvc.read_lock(repository.folder / "main/dvc.lock")
    assert dvc.cached(dvc.out_hash(lock, "models/model.onnx"), caches[0])


def test_the_reports_are_on_pages(pushed):
    """Every report is published, and nothing else."""
    expected = {"index.html", "report.html", "data_docs.html", "deepchecks.html", "model_card.html", "status.html"}
    assert expected == {path.name for path in (pushed.store / "published").rglob("*") if path.is_file()}


def test_what_runs_where_is_among_them(pushed):
    """Each environment of main, and that no bot has anything open: its one step with a token has asked."""
    page = published(pushed, "status.html")
    for name in ("dev", "prod", "staging"):
        assert f"<td>{name}</td>\n<td>stable</td>\n<td>unreleased</td>" in page
    assert "<li>none</li>" in page
    assert "Could not be read" not in page


def test_a_merge_of_manifests_draws_the_pages_anew_and_records_nothing(redrawn):
    """It starts no release; what main made is in the stores already."""
    done, *_ = redrawn
    assert dict.fromkeys(["alone", "reports", "pages", "ticket"], "success") == done.jobs
    assert ["fingerprint", "repro", "compare", "publish"] == done.ran("reports")


def test_a_pull_request_is_told_on_the_page_by_a_title_that_does_nothing(redrawn):
    """Its title is text; GitHub is asked one thing."""
    done, calls, _ = redrawn
    assert ["GET pulls"] == [call for call in calls if "issues" not in call]
    shown = "Promote prod to shadow: &lt;script&gt;alert(1)&lt;/script&gt; [here](https://evil.example/)"
    assert f"<li>#7 2026-11-01 12:00 UTC {shown}</li>" in published(done, "status.html")


def test_a_run_that_records_nothing_closes_no_ticket_of_one_that_could_not(redrawn):
    """The store that gave no answer is not mended by a promotion."""
    _, _, tickets = redrawn
    assert ["open"] == [each["state"] for each in tickets]


def test_a_push_that_cannot_be_told_from_others_is_a_failure_with_a_ticket(lost):
    """Nothing is drawn in silence, and nothing left out in silence."""
    done, tickets = lost
    assert {"alone": "failure", "ticket": "success"} == {job: end for job, end in done.jobs.items() if end != "skipped"}
    assert ["pages failed"] == [each["title"] for each in tickets]


def test_a_push_of_more_than_manifests_waits_for_its_release(beside):
    """Which makes main's cache; nothing is trained twice, and nothing drawn of what was not verified."""
    assert {"alone": "success"} == {job: ended for job, ended in beside.jobs.items() if ended != "skipped"}

"""What runs where, on one screen and on a page: the words, and what the verb answers."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from github_stub import SHA, Fault, GitHubStub, pull
from mlops.cli import main as mlops
from mlops.drift.decision import QUIET, RETRAIN
from mlops.report.html import body
from mlops.rollout import step
from mlops.status.pulls import Pull
from mlops.status.read import Change, Drift, Environment, Served, Status
from mlops.status.status import age, clean, lines, page
from remote import git
from rollout_cases import FIRST, NAME, SECOND, at, when

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
FIRST_DAY = Change("1" * 40, datetime(2026, 3, 1, 12, tzinfo=UTC))
NOON = Change("2" * 40, datetime(2026, 3, 9, 9, tzinfo=UTC))
CHAMPION = Served("champion", FIRST, FIRST_DAY, FIRST_DAY)
CHALLENGER = Served("challenger", SECOND, FIRST_DAY, NOON)
HOSTILE = "a\x1b[31m\u202eb\n<script>alert(1)</script> [x](https://evil.example/) `c"


def found(**more) -> Status:
    """A fresh copy without a token, or what else is said of it."""
    told = {"environments": {"prod": Environment("stable", (), None, "")}, "paused": False, "unasked": "no token"}
    return Status(NOON, fetched=True, **told | more)


def screen(**more) -> str:
    """What is printed of it."""
    return "\n".join(lines(found(**more), NOW))


def drawn(**more) -> str:
    """What the page shows of it."""
    return body(page(found(**more), NOW))


def test_a_fresh_copy_is_unreleased():
    """One row an environment, and nothing that was never there."""
    expected = """\
main as last fetched: 2222222 2026-03-09 09:00 UTC (3 h)

environment  step    serves      image  model  model came with  since
prod         stable  unreleased

delivery: not paused
drift:    nothing kept yet
open pull requests of the bots: not asked: no token"""
    assert expected == screen()


def test_an_open_step_shows_both_images_and_on_what_it_was_made():
    """Champion and challenger, each with its model, the commit that brought it, and since when."""
    prod = Environment("canary-05", (CHAMPION, CHALLENGER), NOON, "to canary-05; 30 h of canary-01")
    shown = screen(environments={"prod": prod}).splitlines()
    assert [
        "prod         canary-05  champion    aaaaaaaaaaaa  aaaaaaaaaaaa  1111111 2026-03-01  1111111 2026-03-01 12:00 UTC (8 days)",
        "                        challenger  bbbbbbbbbbbb  bbbbbbbbbbbb  1111111 2026-03-01  2222222 2026-03-09 09:00 UTC (3 h)",
    ] == shown[3:5]
    assert "last change of prod: 2222222 2026-03-09 09:00 UTC (3 h): to canary-05; 30 h of canary-01" in shown


def test_what_history_does_not_tell_is_said():
    """A model that main never had, an overlay that does not say its model, a shallow clone."""
    nameless = Served("champion", type(FIRST)(FIRST.repository, FIRST.digest), None, None)
    shown = screen(environments={"prod": Environment("stable", (nameless,), None, "")})
    assert "champion  aaaaaaaaaaaa  not said  not known        main's history does not tell" in shown


def test_what_cannot_be_read_is_marked_in_its_place():
    """The verb's last line says why; the page says it itself."""
    broken = {"environments": {"prod": None}, "paused": None, "unasked": "", "faults": ["prod.yaml is <broken>"]}
    shown = screen(**broken)
    assert "prod         ?     cannot be read" in shown
    assert "delivery: cannot be read" in shown
    assert "open pull requests of the bots: cannot be read" in shown
    assert "<li>prod.yaml is &lt;broken&gt;</li>" in drawn(**broken)


def test_without_an_origin_it_is_said_which_commit_this_is():
    """It is not main as fetched."""
    given = found()
    given.fetched = False
    assert "the commit that is here (no main of `origin` is known): 2222222" in lines(given, NOW)[0]


@pytest.mark.parametrize(
    ("paused", "said"), [(True, "PAUSED by delivery.paused of params.yaml"), (False, "not paused")]
)
def test_whether_the_bots_are_paused_is_told(paused, said):
    """Main's word for it."""
    assert f"delivery: {said}" in screen(paused=paused).splitlines()


@pytest.mark.parametrize(
    ("answer", "sentences", "said"),
    [
        (QUIET, (), "[OK] [NO TRAIN, no drift]"),
        (RETRAIN, ("income: PSI 0.4", "age: PSI 0.3"), "[DRIFT] income: PSI 0.4; and 1 more"),
    ],
)
def test_the_last_drift_line_is_told_with_its_day_and_champion(answer, sentences, said):
    """Where rows have changed by what was found: the pull request is told below."""
    shown = screen(drift=Drift("2026-02-28", "a" * 64, answer, sentences))
    assert f"drift:    2026-02-28, champion aaaaaaaaaaaa: {said}" in shown.splitlines()


@pytest.mark.parametrize(
    ("pulls", "said"),
    [
        ([], ["open pull requests of the bots: none"]),
        (
            [Pull(8, "Roll back prod", NOON.at, "running"), Pull(7, "Retrain", FIRST_DAY.at, "")],
            ["open pull requests of the bots:", "  #8  3 h  checks: running  Roll back prod", "  #7  8 days  Retrain"],
        ),
    ],
)
def test_open_pull_requests_are_told(pulls, said):
    """Number, age, checks where they are known, title."""
    assert said == screen(pulls=pulls, unasked="").splitlines()[-len(said) :]


def test_a_page_tells_the_same_with_times_for_ages():
    """It is read later than it is drawn."""
    prod = Environment("canary-05", (CHAMPION, CHALLENGER), NOON, "30 h of canary-01")
    shown = drawn(environments={"prod": prod}, pulls=[Pull(7, "Retrain", FIRST_DAY.at, "")], unasked="")
    for said in (
        "<h1>What runs where</h1>",
        "Drawn at 2026-03-09 12:00 UTC.",
        "<td>challenger</td>\n<td>bbbbbbbbbbbb</td>",
        "<li>last change of prod: 2222222 2026-03-09 09:00 UTC: 30 h of canary-01</li>",
        "<li>#7 2026-03-01 12:00 UTC Retrain</li>",
    ):
        assert said in shown
    assert "(3 h)" not in shown


def test_a_text_that_somebody_chose_does_nothing_on_the_screen():
    """A title, a reason, a sentence of drift: one line, nothing invisible, nothing that steers a terminal."""
    prod = Environment("stable", (CHAMPION,), NOON, HOSTILE)
    shown = screen(
        environments={"prod": prod},
        pulls=[Pull(7, HOSTILE, NOON.at, HOSTILE)],
        unasked="",
        drift=Drift("2026", "a", RETRAIN, (HOSTILE,)),
    )
    assert 9 == len(shown.splitlines())
    assert not {"\x1b", "\u202e"} & set(shown)


def test_a_text_that_somebody_chose_does_nothing_on_the_page():
    """No tag and no link comes of it."""
    shown = drawn(
        environments={f"pr|od{HOSTILE}": Environment("stable", (CHAMPION,), NOON, HOSTILE)},
        pulls=[Pull(7, HOSTILE, NOON.at, "")],
        unasked="",
        drift=Drift(HOSTILE, HOSTILE, RETRAIN, (HOSTILE,)),
        faults=[HOSTILE],
    )
    assert not [tag for tag in ("<script", "<a ", "\x1b", "\u202e") if tag in shown]


@pytest.mark.parametrize(
    ("text", "said"), [("a" * 160, "a" * 160), ("a" * 161, "a" * 159 + "…"), ("a\n\tb\u200b c", "a b c")]
)
def test_a_long_text_is_cut_and_stays_one_line(text, said):
    """At most 160 characters."""
    assert said == clean(text)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (datetime(2026, 3, 9, 11, 55, tzinfo=UTC), "5 min"),
        (datetime(2026, 3, 9, 9, tzinfo=UTC), "3 h"),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), "2 days"),
        (datetime(2026, 3, 9, 13, tzinfo=UTC), "0 min"),
    ],
)
def test_an_age_is_in_its_largest_unit(then, said):
    """What another clock has in the future is new."""
    assert said == age(then, NOW)


@pytest.fixture
def hub(remote, monkeypatch):
    """The API, with a promotion that is open, and a token that may read pull requests."""
    with GitHubStub() as running:
        running.tokens["ghs_read"] = {"pull-requests": "read", "actions": "read"}
        running.pulls.append(
            pull(7, SHA, "promote/prod") | {"title": "Promote prod", "created_at": "2026-03-01T12:00:00Z"}
        )
        runs = {"workflow_runs": [{"head_sha": SHA, "conclusion": "success"}]}
        path = f"/repos/{running.repository}/actions/workflows/pull-request.yml/runs"
        running.add("GET", path, "actions:read", lambda call: (200, runs), ("head_sha", "per_page"))
        given = {"GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_read", "GITHUB_API_URL": running.url}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield running


def test_without_a_token_it_is_said_once_and_is_no_failure(remote, capsys):
    """Git has said the rest."""
    assert 0 == mlops(["status"])
    printed = capsys.readouterr()
    assert 1 == printed.out.count("not asked: GITHUB_TOKEN is not set")
    assert "prod         stable  champion  aaaaaaaaaaaa" in printed.out
    assert "" == printed.err


def test_with_a_token_the_open_pull_requests_are_told(hub, capsys):
    """With the state of their checks."""
    assert 0 == mlops(["status"])
    assert "checks: success  Promote prod" in capsys.readouterr().out


def test_what_git_knows_is_told_before_a_refusal_of_github(hub, capsys):
    """The sentence of a 403 comes last, and the exit code is 2."""
    hub.faults.append(Fault("GET .*/pulls", 403, headers={"X-Accepted-GitHub-Permissions": "pull_requests=read"}))
    assert 2 == mlops(["status"])
    printed = capsys.readouterr()
    assert "prod         stable  champion  aaaaaaaaaaaa" in printed.out
    assert "open pull requests of the bots: cannot be read" in printed.out
    assert "mlops status: GitHub answered 403 to GET pulls" in printed.err
    assert 1 == len(printed.err.splitlines())


def test_an_overlay_that_cannot_be_read_is_named_and_the_exit_code_says_so(remote, capsys):
    """The others are told."""
    when(remote, "images: [", "2026-03-01T12:00:00+00:00")
    assert 2 == mlops(["status"])
    printed = capsys.readouterr()
    assert "staging      stable  champion" in printed.out
    assert f"mlops status: {NAME} has no list of images" in printed.err


def test_a_rollback_is_seen_with_its_reason(remote, capsys):
    """The challenger is gone, and why."""
    when(remote, at("canary-05"), "2026-03-01T12:00:00+00:00")
    when(remote, step.rolled_back(at("canary-05"), NAME, "errors"), "2026-03-02T12:00:00+00:00")
    assert 0 == mlops(["status"])
    printed = capsys.readouterr().out
    assert "challenger" not in printed
    assert "2026-03-02 12:00 UTC" in next(
        line for line in printed.splitlines() if line.startswith("last change of prod:")
    )
    assert "): errors\n" in printed


def test_it_changes_nothing(remote):
    """No file, and no reference."""
    before = git(remote.path, "for-each-ref"), git(remote.path, "status", "--short", "--ignored")
    mlops(["status"])
    assert before == (git(remote.path, "for-each-ref"), git(remote.path, "status", "--short", "--ignored"))


def test_the_modules_need_no_tables():
    """So that the verb answers at once, and in a job that has installed little."""
    code = "import sys, mlops.status.status; print({'numpy', 'pandas'} & {*sys.modules})"
    assert "set()" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()


def test_what_was_rolled_back_is_told():
    """Staging may serve it still: why prod does not take it stands here."""
    prod = Environment("stable", (CHAMPION,), NOON, "only a try", (f"sha256:{'b' * 64}",))
    assert any(
        line.startswith("rolled back in prod:") and line.endswith(" bbbbbbbbbbbb")
        for line in screen(environments={"prod": prod}).splitlines()
    )
    assert "rolled back" not in screen()

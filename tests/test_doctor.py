"""Is this copy set up? What is missing has the click or the command beside it, and nothing is changed by looking."""

import pytest

from copies import Copy, _run
from mlops import doctor
from mlops.doctor import local, settings

READ = {"metadata": "read", "administration": "read", "actions": "read", "pages": "read"}
RULES = [{"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "verdict"}]}}]
CONTRACT = """
version: 1
table: {table}
task: binary
target: y
positive: 1
id: key
columns:
  key: {{type: text}}
  x: {{type: number}}
  y: {{type: integer}}
"""


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A clone with a remote, a contract and owners, as working directory; no token is known."""
    (tmp_path / "origin").mkdir()
    _run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], tmp_path)
    tree = tmp_path / "tree"
    for name, text in {"data/contract.yaml": CONTRACT.format(table="mine"), ".github/CODEOWNERS": "* @team\n"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    made = Copy(tree, "")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "main")
    made.git("remote", "add", "origin", str(tmp_path / "origin"))
    made.git("push", "-q", "origin", "main")
    monkeypatch.chdir(tree)
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def hub(stub, monkeypatch):
    """GitHub, where everything is set up; a test changes one answer."""
    answers = {
        "": {"default_branch": "main", "has_issues": True},
        "/actions/permissions": {"enabled": True},
        "/actions/permissions/workflow": {"can_approve_pull_request_reviews": True},
        "/rules/branches/main": RULES,
        "/actions/workflows": {
            "workflows": [{"path": f".github/workflows/{name}", "state": "active"} for name in doctor.WORKFLOWS]
        },
        "/pages": {"status": "built"},
    }
    grants = {"/actions/workflows": "actions:read", "/pages": "pages:read", "": "metadata:read"}
    grants |= {"/rules/branches/main": "metadata:read"}
    for path in answers:
        grant = grants.get(path, "administration:read")
        stub.add("GET", f"/repos/{stub.repository}{path}", grant, _answer(answers, path), query=("per_page", "page"))
    stub.tokens["ghs_owner"] = READ
    monkeypatch.setenv("GITHUB_API_URL", stub.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", stub.repository)
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_owner")
    stub.answers = answers
    return stub


def _answer(answers, path):
    return lambda call: (200, answers[path])


def states(findings) -> dict[str, str]:
    """{what was found: its state}."""
    return {found.text: found.state for found in findings}


def test_a_copy_that_is_set_up_misses_nothing(copy, hub, capsys):
    """Exit 0; what is off on purpose is no fault."""
    assert 0 == doctor.run(None)
    assert "doctor: nothing is missing" in capsys.readouterr().out


def test_a_fresh_copy_is_told_what_is_missing(copy, capsys):
    """The sample's table and the template's owners, each with its fix."""
    (copy.path / "data/contract.yaml").write_text(CONTRACT.format(table="loans"))
    (copy.path / ".github/CODEOWNERS").write_text("* @OWNER\n")
    assert 1 == doctor.run(None)
    said = capsys.readouterr().out
    assert "MISSING  the table is still the sample\n         -> make adopt DATA=file.csv TARGET=column" in said
    assert "MISSING  CODEOWNERS still names @OWNER" in said
    assert "doctor: 2 missing" in said


def test_a_clone_without_main_is_told_the_command(copy):
    """What `make pr` compares with must be here."""
    copy.git("update-ref", "-d", "refs/remotes/origin/main")
    assert "missing" == states(local())["origin/main is not known here"]


def test_a_table_without_time_has_its_watch_off(copy):
    """Neither a fault nor a secret."""
    assert "optional" == states(local())["no time column: drift checks, guard and retrain are off"]


def test_without_a_token_the_settings_are_unseen(copy, monkeypatch):
    """It says so, and what gives it sight; nothing is taken for granted."""
    monkeypatch.setattr("mlops.lock._gh_token", lambda: "")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/loans")
    assert {"the repository's settings: no token": "unseen"} == states(settings())


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("", {"default_branch": "master", "has_issues": True}, "the default branch is master"),
        ("", {"default_branch": "main", "has_issues": False}, "issues are off"),
        ("/actions/permissions", {"enabled": False}, "Actions are off"),
        ("/actions/permissions/workflow", {"can_approve_pull_request_reviews": False}, "may not open pull requests"),
        ("/rules/branches/main", [], "main can be merged into without the check verdict"),
        ("/actions/workflows", {"workflows": []}, "off: pull-request.yml (not there)"),
    ],
)
def test_a_setting_that_is_off_is_missing_with_its_click(hub, path, answer, said):
    """One line a setting, and what to press or type."""
    hub.answers[path] = answer
    (found,) = [each for each in settings() if each.state == "missing"]
    assert said in found.text
    assert "https://github.com/acme/loans/settings" in found.fix or found.fix.startswith("gh ")


def test_a_setting_that_the_token_may_not_see_is_unseen(hub):
    """A right that is lacking is no setting that is off."""
    hub.tokens["ghs_owner"] = READ | {"administration": "none"}
    found = [each.text for each in settings() if each.state == "unseen"]
    assert 2 == len(found)
    assert all("may not do this" in text for text in found)
    hub.refused.clear()

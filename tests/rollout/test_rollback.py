"""A rollback is computed, never one step down; what is lost is remembered; the pull request is one, and merged where one may."""

import pytest

from images_built import needs_images
from mlops.cli import main as mlops
from mlops.delivery import overlay
from mlops.delivery.overlay import Image
from mlops.rollout import step
from remote import git
from rollout_cases import EMPTY, FIRST, NAME, REPOSITORY, SECOND, STABLE, THIRD, at, main, when

DAY = "2026-03-01T12:00:00+00:00"
WHY = "the challenger answered none of 40 requests"


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main at canary-25, as working directory."""
    made = main(tmp_path, at("canary-25"))
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture
def app(stub, monkeypatch):
    """An App's token, whose pull requests start their checks, which are green at once."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_app")
    monkeypatch.setenv("APP", "Iv1.abc")
    stub.green = True


def run(*words: str) -> int:
    """Run the verb for prod."""
    return mlops(["rollback", "--env", "prod", "--why", WHY, *words])


def here(remote) -> str:
    """The overlay in the working tree."""
    return (remote.path / NAME).read_text(encoding="utf-8")


def test_before_full_the_challenger_is_gone(remote):
    """Whatever the step, it is stable at once; the champion stays."""
    assert 0 == run()
    text = here(remote)
    assert ("stable", [SECOND.digest], WHY) == (
        step.current(text, NAME), step.rejected(text, NAME), step.evidence(text, NAME),
    )  # fmt: skip
    assert FIRST == overlay.images(text, NAME)["champion"]


def test_a_reason_is_needed(remote, capsys):
    """It is what git keeps."""
    assert 2 == mlops(["rollback", "--env", "prod", "--why", " "])
    assert "say what you saw" in capsys.readouterr().err
    assert at("canary-25") == here(remote)


def test_an_environment_that_serves_nothing_has_nothing_to_take_back(remote, capsys):
    """Whatever digest is named: noughts are no image."""
    remote.merge({NAME: EMPTY})
    git(remote.path, "fetch", "-q", "origin")
    assert 2 == run()
    assert "prod serves nothing yet: there is nothing to take back" in capsys.readouterr().err


def test_a_second_rollback_does_not_take_what_the_first_has_put_back(remote, capsys):
    """Two people are paged: without a step the champion is given up only by its name."""
    when(remote, step.rolled_back(at("canary-25"), NAME, WHY), DAY)
    before = here(remote)
    assert 2 == run()
    assert f"has no step open: to give its champion up, name it: DIGEST={FIRST.digest}" in capsys.readouterr().err
    assert 2 == run("--digest", SECOND.digest)
    assert "has moved on from bbbbbbbbbbbb to aaaaaaaaaaaa" in capsys.readouterr().err
    assert before == here(remote)


def test_where_nothing_came_before_there_is_nothing_to_go_back_to(remote, capsys):
    """The first champion stays."""
    when(remote, STABLE, DAY)
    assert 2 == run("--digest", FIRST.digest)
    assert "has had no champion before aaaaaaaaaaaa" in capsys.readouterr().err


def test_without_an_answer_of_the_registry_a_rollback_goes_on(remote, monkeypatch):
    """And says what it does not know."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    image = Image("127.0.0.1:1/acme/model", FIRST.digest, FIRST.model)
    text = overlay.with_image(STABLE, NAME, "champion", image)
    when(remote, text, DAY)
    when(remote, step.promoted(text, NAME, "full", SECOND, "a test"), DAY)
    assert 0 == run("--digest", SECOND.digest)
    assert image == overlay.images(here(remote), NAME)["champion"]
    assert "whether aaaaaaaaaaaa still pulls is not known" in step.evidence(here(remote), NAME)


@pytest.mark.slow
@needs_images
@pytest.mark.parametrize("pushed", [True, False])
def test_after_full_the_last_champion_that_still_pulls_is_put_back(remote, registry, tmp_path, capsys, pushed):
    """Refused where it is gone: no pod could start with it."""
    from mlops.delivery import registry as registries
    from oci import archive

    name = f"{registry.host}/acme/model"
    digest = archive(tmp_path / "image.tar", {"mlops.model-hash": FIRST.model})
    if pushed:
        registries.copy(str(tmp_path / "image.tar"), name, digest)
    image = Image(name, digest, FIRST.model)
    text = overlay.with_image(STABLE, NAME, "champion", image)
    when(remote, text, DAY)
    when(remote, step.promoted(text, NAME, "full", SECOND, "a test"), DAY)
    assert (0 if pushed else 2) == run("--digest", SECOND.digest)
    assert (image if pushed else SECOND) == overlay.images(here(remote), NAME)["champion"]
    assert pushed or "is not in the registry any more" in capsys.readouterr().err


def test_a_champion_that_was_rejected_is_not_gone_back_to(remote, monkeypatch):
    """The one before it is."""
    monkeypatch.setattr("mlops.rollout.rollback._pulls", lambda image: "")
    lost = step.rolled_back(at("shadow", THIRD), NAME, "wrong")
    for image in (THIRD, SECOND):
        lost = step.promoted(lost, NAME, "full", image, "a test")
        when(remote, lost, DAY)
    assert 0 == run("--digest", SECOND.digest)
    assert FIRST == overlay.images(here(remote), NAME)["champion"]


def test_a_proposal_pings_the_owners_and_starts_its_checks(remote, stub):
    """With the figures in its body."""
    assert 0 == run("--propose")
    (pull,) = stub.pulls
    assert f"Roll prod back from canary-25: {'b' * 12}" == pull["title"]
    assert WHY in pull["body"]
    assert "Please look: @ann @bob" in pull["body"]
    assert [("pull-request.yml", "rollback/prod")] == stub.dispatched


def test_asked_again_with_other_figures_the_proposal_stays_as_it_is(remote, stub):
    """Its checks may be under way."""
    assert 0 == run("--propose")
    head = remote.head("rollback/prod")
    assert 0 == mlops(
        ["rollback", "--env", "prod", "--why", "of 80 requests", "--propose", "--alarm", "--digest", SECOND.digest]
    )
    assert (head, 1) == (remote.head("rollback/prod"), len(stub.pulls))


def test_an_open_promotion_gives_way(remote, stub, monkeypatch):
    """It would be merged over the rollback."""
    monkeypatch.setattr("mlops.rollout.promote.shutil.which", lambda tool: None)
    assert 0 == mlops(["promote", "--env", "prod", "--attest", "fine", "--force", "fine", "--propose"])
    assert 0 == run("--propose")
    assert [("closed", True), ("open", False)] == [
        (each["state"], each["title"].startswith("Outdated: ")) for each in stub.pulls
    ]


def test_a_declined_rollback_closes_no_promotion(remote, stub, monkeypatch):
    """A person has said no to the alarm, and goes on: the next alarm is not to undo that."""
    monkeypatch.setattr("mlops.rollout.promote.shutil.which", lambda tool: None)
    alarm = "--propose", "--alarm", "--digest", SECOND.digest
    assert 0 == run(*alarm)
    stub.pulls[0]["state"] = "closed"
    assert 0 == mlops(["promote", "--env", "prod", "--attest", "fine", "--force", "fine", "--propose"])
    assert 0 == run(*alarm)
    assert ["closed", "open"] == [each["state"] for each in stub.pulls]


def test_an_app_that_may_merges_when_the_checks_are_green(remote, stub, app):
    """At once."""
    stub.bypass, stub.merging = True, lambda branch, title: remote.merge({NAME: remote.text(branch, NAME)})
    assert 0 == run("--propose")
    assert "stable" == step.current(remote.text("main", NAME), NAME)


def test_an_app_merges_nothing_of_a_persons(remote, stub, app, capsys):
    """Whoever may push could put anything on that branch."""
    assert 0 == run("--propose")
    remote.commit("rollback/prod", {".github/workflows/evil.yml": "on: push\n"})
    stub.bypass = True
    assert 0 == run("--propose")
    said = capsys.readouterr().out
    assert "has a commit of a person's" in said
    assert "is merged" not in said


def test_an_app_that_may_not_leaves_it_green_to_a_person(remote, stub, app, capsys):
    """A review is missing, or a check is red; the run fails of neither."""
    assert 0 == run("--propose")
    assert "is green and waits for a person: At least 1 approving review" in capsys.readouterr().out
    stub.green = False
    stub.concluded[remote.head("rollback/prod")] = "failure"
    assert 0 == run("--propose")
    assert "its checks ended with failure" in capsys.readouterr().out
    assert "open" == stub.pulls[0]["state"]


def test_an_alarm_that_comes_late_changes_nothing(remote, stub, capsys):
    """It was about another challenger, or one that is rejected already."""
    assert 0 == run("--propose", "--alarm", "--digest", THIRD.digest)
    assert "has moved on from cccccccccccc to bbbbbbbbbbbb" in capsys.readouterr().out
    remote.merge({NAME: step.rolled_back(at("canary-25"), NAME, "wrong")})
    assert 0 == run("--propose", "--alarm", "--digest", SECOND.digest)
    assert "has moved on from bbbbbbbbbbbb to aaaaaaaaaaaa" in capsys.readouterr().out
    assert [] == stub.pulls


def test_a_persons_no_is_a_no_to_an_alarm_and_not_to_a_person(remote, stub):
    """Who asks by hand is heard."""
    assert 0 == run("--propose", "--alarm", "--digest", SECOND.digest)
    stub.pulls[0]["state"] = "closed"
    assert 0 == run("--propose", "--alarm", "--digest", SECOND.digest)
    assert 1 == len(stub.pulls)
    assert 0 == run("--propose")
    assert 2 == len(stub.pulls)


def test_a_push_that_is_refused_loses_nothing(remote, stub, capsys):
    """It can be run again."""
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert 2 == run("--propose")
    assert "run this job again" in capsys.readouterr().err
    assert [] == stub.pulls
    hook.unlink()
    assert 0 == run("--propose")
    assert REPOSITORY in stub.pulls[0]["body"]


def test_a_file_that_a_person_has_edited_is_left_alone(remote, capsys):
    """Nothing of theirs is lost."""
    (remote.path / NAME).write_text(f"# mine\n{at('canary-25')}")
    assert 2 == run()
    assert "here is not main's" in capsys.readouterr().err
    assert "" != git(remote.path, "diff", "--name-only")

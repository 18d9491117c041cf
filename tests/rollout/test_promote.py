"""A step is a diff of the overlay, on evidence; each refusal says why. Proposals meet a real remote."""

from datetime import UTC, datetime, timedelta

import pytest

from images_built import needs_images
from mlops.cli import main as mlops
from mlops.delivery import overlay, signature
from mlops.delivery.overlay import Image
from mlops.rollout import promote, step
from remote import git
from rollout.test_evidence import opened
from rollout.test_prediction_log import plenty, record
from rollout_cases import EMPTY, FIRST, NAME, SECOND, STABLE, STAGING, THIRD, at, when

SAW = "scores look alike"


@pytest.fixture(autouse=True)
def _without_tools(monkeypatch, tmp_path):
    """Without skopeo and cosign: what they look at is told below, with real ones."""
    monkeypatch.setenv("PATH", f"{tmp_path}/none:/usr/bin:/bin")
    monkeypatch.setattr(promote.shutil, "which", lambda tool: None)


def run(*words: str) -> int:
    """Run the verb for prod."""
    return mlops(["promote", "--env", "prod", *words])


def here(remote) -> str:
    """The overlay in the working tree."""
    return (remote.path / NAME).read_text(encoding="utf-8")


def test_a_challenger_begins_as_what_staging_serves(remote):
    """In shadow: the file here says so, and nothing else changes."""
    assert 0 == run()
    assert ("shadow", SECOND) == (step.current(here(remote), NAME), step.challenger(here(remote), NAME))
    assert [f" M {NAME}"] == [f" {line.strip()}" for line in git(remote.path, "status", "--short").splitlines()]


def test_run_twice_it_is_the_same(remote, capsys):
    """Before it is committed, and after."""
    assert (0, 0) == (run(), run())
    assert f"{NAME} says shadow already" in capsys.readouterr().out
    text = here(remote)
    when(remote, text, "2026-03-01T12:00:00+00:00")
    assert 0 == run("--step", "shadow")
    assert text == here(remote)


def test_the_first_champion_is_promoted_at_once(remote):
    """There is nobody to be compared with."""
    when(remote, EMPTY, "2026-03-01T12:00:00+00:00")
    assert 2 == run("--step", "canary-01")
    assert 0 == run()
    assert SECOND == overlay.images(here(remote), NAME)["champion"]
    assert "to full: the first champion" == step.evidence(here(remote), NAME)


def test_evidence_carries_a_step_and_is_kept(remote, log):
    """In the overlay, in one line."""
    log(plenty())
    opened(remote)
    assert 0 == run()
    assert "canary-50" == step.current(here(remote), NAME)
    assert step.evidence(here(remote), NAME).startswith("to canary-50; 13 h of canary-25: 5,100 of 5,000 requests")


@pytest.mark.parametrize(
    ("hours", "records", "said"),
    [
        (2.0, [], "has had 2 of 5,000 requests; 2.0 of 12 hours: wait"),
        (
            13.0,
            [record(f"x{n}", FIRST.model, "challenger") for n in range(6000)],
            "is beyond delivery.limits of params.yaml",
        ),
    ],
)
def test_evidence_that_does_not_carry_a_step_refuses_it(remote, log, capsys, hours, records, said):
    """Too little, or a breach: exit 1, and the file is as it was."""
    log(
        [
            record("c", FIRST.model, "champion"),
            *(record(f"n{n}", SECOND.model, "challenger") for n in range(2)),
            *records,
        ]
    )
    opened(remote, hours=hours)
    before = here(remote)
    assert 1 == run()
    assert said in capsys.readouterr().out
    assert before == here(remote)


def test_a_persons_reason_goes_before_evidence_and_is_kept(remote, log):
    """Beside the figures that it goes against."""
    log([record(f"n{n}", SECOND.model, "challenger") for n in range(2)])
    opened(remote, hours=2)
    assert 1 == run("--force", "a holiday sale begins")  # what so few requests do not say a person has to
    assert 0 == run("--force", "a holiday sale begins", "--attest", SAW)
    assert "2 of 5,000 requests" in step.evidence(here(remote), NAME)
    assert step.evidence(here(remote), NAME).endswith(f"forced: a holiday sale begins; attested: {SAW}")


def test_without_a_source_a_persons_word_is_needed(remote, capsys):
    """It is kept in git."""
    opened(remote)
    assert 1 == run()
    assert "say what you saw with ATTEST=" in capsys.readouterr().out
    assert 1 == run("--attest", "  ")
    assert 1 == run("--force", "a holiday sale begins")
    assert 0 == run("--attest", SAW)
    assert f"to canary-50; attested: {SAW}" == step.evidence(here(remote), NAME)


def test_a_persons_word_is_no_clock(remote, capsys):
    """The hours of a step are in git, whatever source there is."""
    opened(remote, hours=2)
    assert 1 == run("--attest", SAW)
    assert "has had 2.0 of 12 hours" in capsys.readouterr().out
    assert 0 == run("--attest", SAW, "--force", "a holiday sale begins")


def test_no_reason_goes_before_a_breach(remote, log, capsys):
    """Roll it back, or change the limit, where others see it."""
    log([record("c", FIRST.model, "champion"), *(record(f"n{n}", FIRST.model, "challenger") for n in range(40))])
    opened(remote)
    assert 1 == run("--force", "I know", "--attest", SAW)
    assert "is beyond delivery.limits" in capsys.readouterr().out


def test_a_source_that_gives_no_answer_refuses_whatever_a_person_saw(remote, monkeypatch, capsys):
    """It is named, so it counts."""
    opened(remote)
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    assert 2 == run("--attest", SAW)
    assert "gives no answer" in capsys.readouterr().err


def test_steps_are_not_skipped_without_a_reason(remote, capsys):
    """With one they may be."""
    opened(remote, "shadow")
    assert 1 == run("--step", "canary-25", "--attest", SAW)
    assert "canary-01 comes before canary-25" in capsys.readouterr().out
    assert 0 == run("--step", "canary-25", "--attest", SAW, "--force", "a holiday sale begins")
    assert "canary-25" == step.current(here(remote), NAME)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--step", "canary-07"), "'canary-07' is no step: use next, shadow"),
        (("--step", "stable"), "'stable' is no step"),
        (("--step", "shadow", "--attest", SAW), "there is no way down to shadow"),
        (("--digest", THIRD.digest, "--attest", SAW), "tries bbbbbbbbbbbb already"),
    ],
)
def test_what_cannot_be_is_refused(remote, capsys, words, said):
    """No such step, a step down, another challenger half way: exit 2."""
    opened(remote)
    before = here(remote)
    assert 2 == run(*words)
    assert said in capsys.readouterr().err
    assert before == here(remote)


def test_an_unknown_environment_is_refused(remote, capsys):
    """Those that there are, are named."""
    assert 2 == mlops(["promote", "--env", "production"])
    assert "there is no environment 'production': manifests/overlays has prod, staging" in capsys.readouterr().err


def test_what_was_rolled_back_is_refused(remote, capsys):
    """For ever, whoever asks."""
    when(remote, step.rolled_back(at("shadow"), NAME, "wrong"), "2026-03-01T12:00:00+00:00")
    assert 2 == run("--force", "I want it")
    assert f"has rejected {SECOND.digest}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("serves", "said"), [(FIRST, "serves aaaaaaaaaaaa already"), (None, "staging serves nothing yet")]
)
def test_nothing_new_is_nothing_to_promote(remote, capsys, serves, said):
    """Staging serves what prod serves, or nothing."""
    image = serves or Image("unreleased", overlay.UNRELEASED, "none")
    text = (remote.path / STAGING).read_text()
    remote.merge({STAGING: overlay.with_image(text, STAGING, "champion", image)})
    assert 2 == run()
    assert said in capsys.readouterr().err


def test_a_file_that_a_person_has_edited_is_left_alone(remote, capsys):
    """Nothing of theirs is lost."""
    edited = STABLE.replace("# What prod serves", "# mine")
    (remote.path / NAME).write_text(edited)
    assert 2 == run()
    assert "is neither main's nor that step's" in capsys.readouterr().err
    assert edited == here(remote)


def test_a_proposal_is_one_pull_request_with_the_evidence(remote, stub):
    """However often it is asked for; its checks are started."""
    opened(remote)
    assert (0, 0) == (run("--propose", "--attest", SAW), run("--propose", "--attest", SAW))
    (pull,) = stub.pulls
    assert f"Promote prod to canary-50: {'b' * 12}" == pull["title"]
    assert f"attested: {SAW}" in pull["body"]
    assert "would answer 50% of the users" in pull["body"]
    assert "canary-50" == step.current(remote.text("promote/prod", NAME), NAME)
    assert [("pull-request.yml", "promote/prod")] == stub.dispatched


def test_a_person_who_asks_again_is_heard(remote, stub):
    """A proposal that was closed is made anew."""
    opened(remote)
    assert 0 == run("--propose", "--attest", SAW)
    stub.pulls[0]["state"] = "closed"
    assert 0 == run("--propose", "--attest", SAW)
    assert ["closed", "open"] == [each["state"] for each in stub.pulls]


def test_main_that_moves_between_is_met_again(remote, stub):
    """An overlay edited by hand: the proposal is made of what main says now."""
    opened(remote)
    assert 0 == run("--propose", "--attest", SAW)
    by_hand = at("canary-25").replace("# What prod serves", "# By hand")
    remote.merge({NAME: by_hand})
    assert 0 == run("--propose", "--attest", SAW)
    text = remote.text("promote/prod", NAME)
    assert ("canary-50", True) == (step.current(text, NAME), "# By hand" in text)


def test_a_push_that_is_refused_loses_nothing(remote, stub, capsys):
    """It says that it can be run again, and that does it."""
    opened(remote)
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert 2 == run("--propose", "--attest", SAW)
    assert "nothing was changed; run this job again" in capsys.readouterr().err
    assert ("", []) == (remote.head("promote/prod"), stub.pulls)
    hook.unlink()
    assert 0 == run("--propose", "--attest", SAW)
    assert 1 == len(stub.pulls)


def test_a_promotion_waits_for_a_rollback_that_is_open(remote, stub, capsys):
    """And for a pause to end."""
    opened(remote)
    assert 0 == mlops(["rollback", "--env", "prod", "--why", "wrong", "--propose"])
    assert 2 == run("--propose", "--attest", SAW)
    assert "rolls prod back: merge or close it first" in capsys.readouterr().err
    params = (remote.path / "params.yaml").read_text().replace("paused: false", "paused: true")
    remote.merge({"params.yaml": params})
    assert 2 == run("--propose", "--attest", SAW)
    assert "delivery.paused is true" in capsys.readouterr().err


def test_two_steps_are_never_made_of_one(remote, stub):
    """A second promotion, asked for while the first is open, is the same; after its merge it is the next."""
    began = datetime.now(UTC) - timedelta(hours=13)
    opened(remote, "canary-05")
    for _ in range(2):
        assert 0 == run("--propose", "--attest", SAW)
    when(remote, remote.text("promote/prod", NAME) + "\n", began.isoformat())
    stub.pulls[0]["state"] = "closed"
    assert 0 == run("--propose", "--attest", SAW)
    assert ["canary-25", "canary-50"] == [each["title"].split(":")[0].rpartition(" ")[2] for each in stub.pulls]


@pytest.mark.slow
@needs_images
class TestWithARegistry:
    """Real skopeo and registry; signatures are cosign's, and what it says is set."""

    @pytest.fixture
    def image(self, remote, registry, tmp_path, monkeypatch):
        """A function: its model, signed or not -> an image that staging serves."""
        import shutil

        from mlops.delivery import registry as registries
        from oci import archive

        monkeypatch.undo()
        monkeypatch.chdir(remote.path)
        monkeypatch.setattr(promote.shutil, "which", lambda tool: shutil.__name__)

        def made(model: str, signed: bool = True, pushed: bool = True) -> Image:
            name = f"{registry.host}/acme/model"
            digest = archive(tmp_path / "image.tar", {"mlops.model-hash": model})
            if pushed:
                registries.copy(str(tmp_path / "image.tar"), name, digest)
            monkeypatch.setattr(signature, "fault", lambda image: "" if signed else f"{image} is not signed by us")
            found = Image(name, digest, SECOND.model)
            text = (remote.path / STAGING).read_text()
            remote.merge({STAGING: overlay.with_image(text, STAGING, "champion", found)})
            return found

        return made

    def test_an_image_that_is_there_and_signed_is_promoted(self, remote, image):
        """With the model that its label says."""
        found = image(SECOND.model)
        assert 0 == run()
        assert found == step.challenger(here(remote), NAME)

    @pytest.mark.parametrize(
        ("made", "said"),
        [
            ({"model": SECOND.model, "pushed": False}, "has no sha256:"),
            ({"model": SECOND.model, "signed": False}, "is not signed by us: nothing is promoted"),
            ({"model": THIRD.model}, "says model cccccccccccc, its overlay bbbbbbbbbbbb"),
        ],
    )
    def test_an_image_that_is_not_ours_is_refused(self, remote, image, capsys, made, said):
        """Not there, not signed, or with another model in it."""
        image(**made)
        assert 2 == run()
        assert said in capsys.readouterr().err
        assert STABLE == here(remote)

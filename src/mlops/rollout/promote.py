"""Verb `promote`: an environment's next step, as a diff of its overlay. Run: mlops promote --env prod --step next [--propose].

Without --propose the file here is edited, and nothing else; with it a pull request is kept that does so on main.
Exit code 1: the evidence does not carry the step.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlops import github
from mlops.config import parse
from mlops.delivery import overlay, proposal, pull_request, registry, signature
from mlops.delivery.overlay import Image
from mlops.errors import CannotRun
from mlops.params import Params
from mlops.paths import PARAMS
from mlops.rollout import evidence, rollback, step

NEXT, SOURCE = "next", "staging"  # what is promoted is what staging serves


class Refused(Exception):
    """The evidence does not carry the step; the sentence says why."""


@dataclass(frozen=True)
class Wanted:
    """What a person asks for. digest: of the challenger to begin with, "" for what staging serves."""

    environment: str
    step: str
    digest: str = ""
    force: str = ""
    attest: str = ""


@dataclass(frozen=True)
class Change:
    """An overlay's text at another step. why: what the overlay keeps of the evidence; table: all of it, as Markdown."""

    name: str
    text: str
    step: str
    image: Image
    why: str
    table: str


def add_arguments(parser) -> None:
    """Add what is promoted, and on what."""
    parser.add_argument("--env", required=True, dest="environment")
    parser.add_argument("--step", default=NEXT, help=f"{NEXT}, or one of {', '.join(step.ORDER[1:])}")
    parser.add_argument("--digest", default="", help="the challenger to begin with; else what staging serves")
    parser.add_argument(
        "--force", default="", metavar="REASON", help="skip steps, or their requests and hours; kept in git"
    )
    parser.add_argument(
        "--attest", default="", metavar="TEXT", help="what you saw, where no source of figures is named; kept in git"
    )
    parser.add_argument(
        "--propose", action="store_true", help="keep a pull request, in the place of editing the file here"
    )


def run(args) -> int:
    """Edit the overlay, or propose its edit; 1 where the evidence does not carry it."""
    wanted = Wanted(args.environment, args.step, args.digest, args.force.strip(), args.attest.strip())
    try:
        return _proposed(wanted) if args.propose else _edited(wanted)
    except Refused as refusal:
        github.report(f"promote: refused: {refusal}")
        return 1


def _edited(wanted: Wanted) -> int:
    commit, name = evidence.main_commit(), overlay.file(wanted.environment)
    here, main = Path(name).read_bytes().decode(), overlay.at(commit, name)
    change = changed(wanted, commit)
    done = step.promoted(main, name, change.step, change.image, step.evidence(here, name))
    if here == done:
        print(f"promote: {name} says {change.step} already")
        return 0
    if here != main:
        raise CannotRun(f"{name} here is neither main's nor that step's: `git checkout {commit[:12]} -- {name}` first")
    Path(name).write_bytes(change.text.encode())
    print(f"promote: main is {commit[:12]}, as last fetched")
    print(
        f"{change.table}\n\npromote: {name} says {change.step} now: `git diff {name}`, then commit it to a branch of main"
    )
    return 0


def _proposed(wanted: Wanted) -> int:
    hub = github.from_environment()
    main = proposal.fetched(hub)
    if parse(proposal.read(main, PARAMS), Params, PARAMS).delivery.paused:
        raise CannotRun(f"delivery.paused is true in {PARAMS}: nothing is promoted; merge its change first")
    back = pull_request.find(hub, rollback.branch(wanted.environment))
    if back is not None:
        raise CannotRun(f"#{back['number']} rolls {wanted.environment} back: merge or close it first")
    change = changed(wanted, main)
    given = proposal.propose(hub, proposed(wanted, change, main), main, app=bool(os.environ.get("APP")), asked=True)
    github.report(f"promote: {given}")
    github.summary(change.table)
    return 0


def proposed(wanted: Wanted, change: Change, main: str) -> proposal.Proposal:
    """Return the pull request: the overlay of main at another step, and the evidence for it."""
    share = step.share(change.step)
    users = f"{share:.0%} of the users" if share else "a copy of each request, and answer nobody"
    body = (
        f"{wanted.environment} would be at `{change.step}`: `{change.image}` would answer {users}"
        f" (model `{change.image.model}`).\n\n{change.table}\n\nMerging is the promotion. Taking it back: `make rollback "
        f"ENV={wanted.environment} WHY=...`, or `promote.yml` with step `rollback`.\n"
    )
    title = f"Promote {wanted.environment} to {change.step}: {change.image.digest[7:19]}"
    return proposal.Proposal(f"promote/{wanted.environment}", title, body, {change.name: change.text})


def changed(wanted: Wanted, commit: str) -> Change:
    """Return the overlay of `commit` at the step that is wanted.

    Raises CannotRun where it cannot be (no such step, a digest that is rejected, not in the registry or not signed), Refused where
    it skips a step without --force, or the evidence of the step it is at does not carry it.
    """
    name = overlay.file(wanted.environment)
    text = overlay.at(commit, name)
    at = step.current(text, name)
    to = _target(wanted, text, name)
    image = _challenger(wanted, text, name, commit)
    if to == at:
        return Change(name, text, to, image, "", "")
    why, table = _grounds(wanted, commit, text, name, to)
    return Change(name, step.promoted(text, name, to, image, why), to, image, why, table)


def _target(wanted: Wanted, text: str, name: str) -> str:
    at, following = step.current(text, name), step.following(text, name)
    to = following if wanted.step == NEXT else wanted.step
    if to not in step.ORDER[1:]:
        raise CannotRun(f"'{to}' is no step: use {NEXT}, {', '.join(step.ORDER[1:])}; back is `mlops rollback`")
    if not overlay.images(text, name)["champion"].released and to != step.FULL:
        raise CannotRun(f"{wanted.environment} serves nothing yet, so there is nobody to compare with: use step full")
    if step.ORDER.index(to) < step.ORDER.index(at):
        raise CannotRun(
            f"{wanted.environment} is at {at}: there is no way down to {to}; `mlops rollback` takes the challenger back"
        )
    if to not in (at, following) and not wanted.force:
        raise Refused(
            f"{wanted.environment} is at {at}, and {following} comes before {to}: say why it is skipped with FORCE= (--force)"
        )
    return to


def _challenger(wanted: Wanted, text: str, name: str, commit: str) -> Image:
    trying = step.challenger(text, name)
    if trying is not None:
        if wanted.digest not in ("", trying.digest):
            raise CannotRun(
                f"{wanted.environment} tries {trying.digest[7:19]} already: roll it back first, or leave the digest out"
            )
        image = trying
    else:
        image = _new(wanted, text, name, commit)
    if image.digest in step.rejected(text, name):
        raise CannotRun(f"{name} has rejected {image.digest} when it was rolled back: promote another image")
    return checked(image)


def _new(wanted: Wanted, text: str, name: str, commit: str) -> Image:
    serving = overlay.images(text, name)["champion"]
    staging = overlay.images(overlay.at(commit, overlay.file(SOURCE)), overlay.file(SOURCE))["champion"]
    if wanted.digest and wanted.digest != staging.digest:
        found = [each for each in (staging, serving) if each.released]
        if not found:
            raise CannotRun(f"no overlay names a registry yet: merge release.yml's pull request for {SOURCE} first")
        image = Image(found[0].repository, wanted.digest)
    else:
        image = staging
    if not image.released:
        raise CannotRun(f"{SOURCE} serves nothing yet: merge release.yml's pull request for it first")
    if image.digest == serving.digest:
        raise CannotRun(f"{wanted.environment} serves {image.digest[7:19]} already: there is nothing new to promote")
    return image


def checked(image: Image) -> Image:
    """Return the image with its model as the registry says; raises CannotRun where it is not there, or not signed by our release.

    A laptop without skopeo or cosign does not look, which is said; CI does, and `promote.yml` refuses.
    """
    missing = [tool for tool in ("skopeo", "cosign") if shutil.which(tool) is None and not os.environ.get("CI")]
    if missing:
        what = {"skopeo": "is there", "cosign": "is signed"}
        print(
            f"promote: {' and '.join(missing)} not installed here: nobody has looked whether {image.digest[7:19]} "
            f"{' or '.join(what[each] for each in missing)}; the workflow `promote` does"
        )
    if "skopeo" in missing and image.model:
        return image
    with registry.login(image.repository):
        found = registry.find(image.repository, image.digest)
        if found is None:
            raise CannotRun(f"{image.repository} has no {image.digest}: it was deleted, or never pushed")
        if "cosign" not in missing and (why := signature.fault(image)):
            raise CannotRun(f"{why}: nothing is promoted")
    model = found.label("model-hash")
    if image.model and image.model != model:
        raise CannotRun(f"{image} says model {model[:12]}, its overlay {image.model[:12]}: do not promote it")
    return Image(image.repository, image.digest, model)


def _grounds(wanted: Wanted, commit: str, text: str, name: str, to: str) -> tuple[str, str]:
    """Return on what a step is made: a line for the overlay, and a table for people."""
    forced = f"forced: {wanted.force}" if wanted.force else ""
    attested = f"attested: {wanted.attest}" if wanted.attest else ""
    if step.current(text, name) == step.STABLE:
        first = "no step before it" if overlay.images(text, name)["champion"].released else "the first champion"
        why = "; ".join(filter(None, (f"to {to}: {first}", forced, attested)))
        return why, f"{why[0].upper()}{why[1:]}."
    knobs = _knobs(commit)
    case = evidence.looked(wanted.environment, commit, knobs)
    if case is None and not attested:
        raise Refused(
            "neither PROMETHEUS_URL nor PREDICTION_LOG_URL is set: say what you saw with ATTEST= (--attest), it is kept in git"
        )
    if case is None:
        _aged(wanted.environment, commit, knobs.least(step.current(text, name)).hours, forced)
    else:
        _carried(case, forced, attested)
    seen = [f"{case.hours:.0f} h of {case.step}: {case.sentence()}"] if case else []
    why = "; ".join([f"to {to}", *seen, *filter(None, (forced, attested))])
    said = "\n\n".join([*([case.table()] if case else []), *filter(None, (forced, attested))])
    return why, said


def _aged(environment: str, commit: str, least: float, forced: str) -> None:
    """Raise Refused where a step has not had its hours: git knows them without any source."""
    hours = evidence.hours(environment, commit)
    if hours < least and not forced:
        raise Refused(
            f"the step of {environment} has had {hours:.1f} of {least:g} hours: wait, or say why not with FORCE= (--force)"
        )


def _carried(case: evidence.Case, forced: str, attested: str) -> None:
    """Raise Refused where figures do not carry a step; no reason goes before a breach."""
    if case.breaches:
        told = "; ".join(each.sentence for each in case.breaches)
        back = f"`make rollback ENV={case.environment} WHY=...`"
        raise Refused(
            f"{case.step} of {case.environment} is beyond delivery.limits of {PARAMS}: {told}. Roll it back, {back}, or change the limit"
        )
    if case.missing and not forced:
        told = "; ".join(each.sentence for each in case.missing)
        raise Refused(f"{case.step} of {case.environment} has had {told}: wait, or say why not with FORCE= (--force)")
    if case.unknown and not attested:
        told = "; ".join(each.sentence for each in case.unknown)
        raise Refused(
            f"{case.step} of {case.environment}: {told}. Look yourself, and say what you saw with ATTEST= (--attest)"
        )


def _knobs(commit: str):
    return parse(proposal.read(commit, PARAMS), Params, PARAMS).delivery

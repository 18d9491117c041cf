"""The command line: `mlops <verb>`, one verb a workflow step.

Exit codes: 0 done or passed, 1 a gate failed, 2 could not run (one clear sentence on stderr), 130 interrupted.
"""

import argparse
import importlib
import os
import sys
import time
import traceback

from mlops import stopped
from mlops.errors import CannotRun
from mlops.pins import PINS

# verb -> (module, help). A module gives `run(args) -> int | None` and may give `add_arguments(parser)`.
# Modules are imported when their verb is called: great_expectations, mlflow and deepchecks take seconds.
VERBS = {
    "adopt": ("mlops.adopt.adopt", "another's table in, the sample out"),
    "fingerprint": ("mlops.pipeline.fingerprint", "what the code of each stage and the contract say"),
    "ingest": ("mlops.pipeline.ingest", "read the training window from the source"),
    "validate": ("mlops.pipeline.validate", "hold the table against the contract"),
    "prepare": ("mlops.pipeline.prepare", "split the rows"),
    "train": ("mlops.pipeline.train", "fit, calibrate and export the model"),
    "evaluate": ("mlops.pipeline.evaluate", "read the test rows once: metrics, plots, predictions"),
    "behaviour": ("mlops.pipeline.behaviour", "run tests/model against the exported model"),
    "deepchecks": ("mlops.pipeline.deepchecks", "run the deepchecks suite in its own environment"),
    "compare": ("mlops.compare", "score main and candidate on the same rows: the verdict"),
    "lint": ("mlops.lint", "ruff, zizmor, actionlint and hadolint"),
    "repro": ("mlops.repro", "run the pipeline: what changed, and nothing else"),
    "pr": ("mlops.pr", "lint, pipeline, compare: what a pull request runs"),
    "lock": ("mlops.lock", "take dvc.lock and metrics.json from CI, check them, commit them"),
    "log": ("mlops.tracking", "write one MLflow run of this lock"),
    "search": ("mlops.search", "propose better params, by cross-validation on training rows"),
    "comment-clean": ("mlops.comment.clean", "from a finished run to the text of the comment"),
    "comment-post": ("mlops.comment.post", "post the comment, or update it"),
    "pin-cml": ("mlops.comment.cml", "keep the sha256 of the CML program"),
    "push": ("mlops.push", "send the outputs to DVC_REMOTE_URL"),
    "upgrade": ("mlops.upgrade", "merge a newer template; your room stays"),
    "doctor": ("mlops.doctor", "is this copy set up?"),
    "needs": ("mlops.needs", "did every job before the required check succeed?"),
    "image": ("mlops.delivery.image", "build the image of the current model: an OCI archive, and its digest"),
    "smoke": ("mlops.delivery.smoke", "run the image, and hold its answers against what was judged"),
    "push-image": ("mlops.delivery.push_image", "push the archive that was scanned, by its digest"),
    "restore": ("mlops.delivery.restore", "the outputs that dvc.lock names, by their hashes, wherever they are"),
    "plan": ("mlops.delivery.plan", "is there a signed image of what this commit is built to?"),
    "scan": ("mlops.delivery.scan", "are there known holes in the image, or in the manifests?"),
    "sign": ("mlops.delivery.sign", "attach SBOM and provenance to an image, and sign it"),
    "ticket": ("mlops.ticket", "open an issue where jobs failed, and close it where they are green again"),
    "deploy": ("mlops.delivery.deploy", "propose that environments serve an image: a pull request of their overlays"),
    "trace": ("mlops.delivery.trace", "from an image, a request or an environment back to commit, data and verdict"),
    "verify": ("mlops.delivery.verify", "are the bytes here the ones that were reviewed?"),
    "manifests": ("mlops.delivery.manifests", "render every overlay, and hold it against the policy"),
    "labels": ("mlops.delivery.labels", "are the images that a change brings what it says of them?"),
    "scope": ("mlops.delivery.scope", "does a change touch manifests/ alone?"),
    "promote": ("mlops.rollout.promote", "an environment's next step, on evidence: a diff of its overlay"),
    "rollback": ("mlops.rollout.rollback", "take a challenger back, or the champion that it became"),
    "evidence": ("mlops.rollout.evidence", "what is known of the step that an environment is at"),
    "guard": ("mlops.rollout.guard", "is an open step beyond a limit?"),
    "alarm": ("mlops.rollout.alarm", "an issue about a challenger that was rolled back"),
    "revert": ("mlops.rollout.revert", "propose to take a rolled back model off main"),
    "aliases": ("mlops.rollout.aliases", "MLflow's @champion and @challenger follow an overlay"),
    "drift": ("mlops.drift.drift", "have the rows changed since the champion was trained, and is it still good?"),
    "accept-drift": ("mlops.drift.accept", "hold new rows against newer ones from now on"),
    "retrain": (
        "mlops.retrain.retrain",
        "train a challenger on newer months, and prepare its pull request where it is better",
    ),
    "candidate": ("mlops.retrain.candidate", "push the commit that a retrain's image is built of"),
    "propose": ("mlops.retrain.propose", "keep the pull request of a retrain"),
    "withdraw": ("mlops.retrain.withdraw", "close the pull request of a retrain that has no reason any more"),
    "keep": ("mlops.drift.kept", "what drift has found stays on a branch: history for charts"),
    "tell": ("mlops.drift.tell", "the day's line, the ticket and the chat, of what drift and retrain found"),
    "status": ("mlops.status.status", "what runs where, since when; what is open; the last drift line"),
    "publish": ("mlops.publish", "collect main's reports for Pages, where params.yaml asks for it"),
}


def main(argv=None) -> int:
    """Run one verb and return its exit code."""
    start = time.perf_counter()
    os.environ.update(PINS)
    words = sys.argv[1:] if argv is None else argv
    asked = next((word for word in words if not word.startswith("-")), None)
    try:
        with stopped.kept(asked):
            args = _parsed(words, asked)
            return args.run(args) or 0
    except CannotRun as error:
        print(f"mlops {asked}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"mlops {asked}: interrupted; nothing is half-written, run it again", file=sys.stderr)
        return 130
    except Exception:  # Python's own exit code would say that a gate failed
        traceback.print_exc()
        return 2
    finally:
        print(f"-- {asked}: {time.perf_counter() - start:.1f} s", flush=True)


def _parsed(words, asked: str | None):
    parser = argparse.ArgumentParser(prog="mlops", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for verb, (module, text) in VERBS.items():
        sub = verbs.add_parser(verb, help=text)
        if verb == asked:
            _fill(sub, module)
    return parser.parse_args(words)


def _fill(parser, module: str) -> None:
    try:
        verb = importlib.import_module(module)
    except SyntaxError as error:  # the owner's, in src/model
        raise CannotRun(f"{error.filename} is not valid Python: correct line {error.lineno} ({error.msg})") from None
    parser.set_defaults(run=verb.run)
    getattr(verb, "add_arguments", lambda _: None)(parser)


if __name__ == "__main__":
    sys.exit(main())

"""The one table of what README, CONTRIBUTING and docs/ tell people to type: how each command is tried, and what comes of it.

STORY is run by test_newcomer.py, in this order, by a newcomer in a fresh clone. DRY runs a real tool in a form that changes nothing.
ELSEWHERE names the tests, or the script, that run a command for real; LONG is run by hand, for a figure; CLOUD needs an account, or
a cluster. MENTIONS are names of verbs, in a sentence, without the words that they need. A new command needs one row.
"""

from dataclasses import dataclass

from docs.extract import Command


@dataclass(frozen=True)
class Step:
    """A command as a page has it, and what comes of it: a phrase of its output, and its exit code (make's own is 0 or 2).

    given: what is typed in its place, where the page has a name to fill in. text "": no page has it; it is what happens between.
    """

    text: str
    says: str = ""
    exit: int = 0
    given: str = ""


def happens(given: str) -> Step:
    """What another person, or a workflow, does between two commands."""
    return Step("", given=given)


MERGED = happens("git push -q origin HEAD:main")


def served(letter: str) -> Step:
    """release.yml's pull request is merged: staging serves an image."""
    digest = letter * 64
    name = "manifests/overlays/staging/kustomization.yaml"
    edit = (
        f"s|newName: .*|newName: ghcr.io/acme/model|; s|sha256:.*|sha256:{digest}|; s|-model: [^ ]*|-model: {digest}|"
    )
    return happens(
        f"git switch -qC main origin/main && sed -i '{edit}' {name} && git commit -qam 'Deploy' && git push -q origin main"
    )


TUMOURS = """.venv/bin/python -c \"
from sklearn.datasets import load_breast_cancer
table = load_breast_cancer(as_frame=True)
diagnosis = table.target.map({0: 'malignant', 1: 'benign'})
table.data.assign(diagnosis=diagnosis).to_csv('tumours.csv', index_label='id')\""""

# Port of a newcomer's own; ended by `timeout` where no answer comes.
SERVED = """timeout 60 make serve PORT=$PORT > serve.log 2>&1 &
until curl -sf http://127.0.0.1:$PORT/ready || ! kill -0 $! 2> /dev/null; do sleep 0.2; done
curl -sf http://127.0.0.1:$PORT/version; kill $!; wait; cat serve.log; rm serve.log"""

VERDICT = (
    Step("git clone https://github.com/OWNER/REPO copy && cd copy", given="git clone -q $ORIGIN copy && cd copy"),
    Step("make help", "make promote"),
    Step("make setup"),
    Step("make doctor", "the table is still the sample"),
    Step("make pr", "verdict: pass: no gate failed of 46 (3 had nothing to judge)"),
    Step("git switch -c lighter"),
    Step("sed -i 's/n_estimators: 120/n_estimators: 60/' params.yaml"),
    Step("make pr", "WARN  Lock: dvc.lock and metrics.json are made fresh: commit both with your change\n\nverdict: pass: no gate failed of 46 (1 warned, 3 had nothing to judge); roc_auc 0.8025 -> 0.8032"),
    Step("git status", "modified:   dvc.lock"),
    Step("git diff", "+      n_estimators: 60"),
    Step("make format"),
    Step("make lint", "lint: ruff check --quiet .: clean"),
    Step("make train"),
    Step("make compare BASE=origin/main", "verdict: pass"),
    Step("make serve", '"model_hash":"', given=SERVED),
    Step("git commit -am 'Half as many trees'", "3 files changed"),
    Step("git push -u origin lighter"),
    Step("git push", "Everything up-to-date"),
    Step("git log", "Half as many trees"),
    Step("make push", "DVC remote: not configured"),
    Step("DVC_REMOTE_URL=s3://bucket/model make push", "has every output", given="DVC_REMOTE_URL=$STORE make push"),
    Step("make restore", "of dvc.lock"),
    Step("DVC_REMOTE_URL=s3://bucket/model make restore", "outputs of dvc.lock (from the store)", given="rm -rf .dvc/cache models reports && DVC_REMOTE_URL=$STORE make restore"),
    Step("make manifests", "prod: 15 objects, no fault"),
    Step("du -sh --exclude=.git /tmp/c", given="du -sh --exclude=.git ."),
)  # fmt: skip

RED = (
    happens("git switch -q main && git switch -qc worse && sed -i 's/n_estimators: 120/n_estimators: 5/' params.yaml"),
    Step("make pr", "verdict: fail: 3 of 46 gates failed: ROC AUC against main; Average precision against main; Groups against main", 2),
    happens("cat reports/report.md"),
    happens("git checkout -q ."),
)  # fmt: skip

CONFLICT = (
    happens("git push -q origin lighter:main && git switch -qc other main"),
    happens("sed -i 's/      min_samples_leaf: 50/      min_samples_leaf: 60/' params.yaml && sed -i 's/\"model_hash\": \"../&0/' metrics.json"),
    happens("git commit -qam 'Another pull request'"),
    Step("git fetch"),
    Step("git merge origin/main", "CONFLICT (content): Merge conflict in metrics.json", 1),
    Step("git checkout origin/main -- dvc.lock metrics.json"),
    Step("git fetch && make pr", "WARN  Lock: dvc.lock and metrics.json are made fresh"),
    Step("git commit -a", "Merge remote-tracking branch 'origin/main' into other"),
)  # fmt: skip

CANARY = (
    happens("git switch -q main && git pull -q && make -s help | wc -l"),
    Step("make promote ENV=prod", "staging serves nothing yet: merge release.yml's pull request for it first", 2),
    served("a"),
    Step("git fetch && git switch -c first origin/main"),
    Step("make promote ENV=prod STEP=full", "prod/kustomization.yaml says full now"),
    Step("git commit -am 'The first champion' && git push -u origin first", "1 file changed"),
    MERGED,
    Step("make promote ENV=prod", "prod serves aaaaaaaaaaaa already: there is nothing new to promote", 2),
    served("b"),
    Step("git fetch && git switch -c shadow origin/main"),
    Step("make promote ENV=prod", "prod/kustomization.yaml says shadow now"),
    Step("git diff manifests/overlays/prod", "+  - ../../rollout/shadow # the step"),
    Step("git commit -am 'Prod at shadow' && git push -u origin shadow", "1 file changed"),
    MERGED,
    Step("git fetch && git switch -c canary origin/main"),
    Step("make promote ENV=prod", "say what you saw with ATTEST=", 2),
    Step("make promote ENV=prod ATTEST='scores look alike'", "of 1 hours: wait, or say why not with FORCE=", 2),
    Step("make promote ENV=prod ATTEST='scores look alike' FORCE='a try'", "prod/kustomization.yaml says canary-01 now"),
    Step("git commit -am 'Prod at canary-01' && git push -u origin canary", "1 file changed"),
    MERGED,
    Step("make promote ENV=prod STEP=canary-25 FORCE='a sale begins'", "say what you saw with ATTEST=", 2),
    Step("make status", "canary-01"),
    Step("make guard", "not configured"),
    Step("make evidence ENV=prod", "neither PROMETHEUS_URL nor PREDICTION_LOG_URL is set", 2),
    Step("make evidence ENV=prod LABELS=labels.csv", "neither PROMETHEUS_URL nor PREDICTION_LOG_URL is set", 2),
    Step("make trace WHAT=prod", "BROKEN: no commit of main has model aaaaaaaaaaaa", 2),
    Step("git log -p -3 -- manifests/overlays/prod/kustomization.yaml", "+  - ../../rollout/canary-01 # the step"),
    Step("git log -5 --format='%h %cr %s' -- manifests", "Prod at canary-01"),
    Step("git fetch && git switch -c back origin/main"),
    Step("make rollback ENV=prod WHY='wrong scores'", "prod"),
    happens("git checkout -q ."),
    Step("make rollback ENV=prod WHY='p99 three times the champion'", "prod"),
    happens("git checkout -q ."),
    Step("make rollback ENV=prod WHY='only a try'", "prod"),
    Step("git commit -am 'Roll back prod' && git push -u origin back", "1 file changed"),
    MERGED,
    Step("make promote ENV=prod", "has rejected sha256:bbbbbbbb", 2),
    Step("make rollback ENV=prod WHY=... DIGEST=<the champion's>", "prod has had no champion before aaaaaaaaaaaa", 2, f"make rollback ENV=prod WHY=... DIGEST=sha256:{'a' * 64}"),
    Step("sed -i 's/^namespace: model-/namespace: churn-/' manifests/overlays/*/kustomization.yaml"),
    Step("make manifests", "no fault"),
    happens("git checkout -q ."),
)  # fmt: skip

UPGRADE = (
    Step("git remote add upstream URL-OF-THE-TEMPLATE", given="git remote add upstream $ORIGIN"),
    Step("git switch -c upgrade"),
    Step("make upgrade", "this copy has all of"),
    Step("git commit -am 'The lock of the new template'", "nothing to commit", 1),
    Step("git push -u origin upgrade"),
    Step("git fetch upstream"),
    Step("git log -3 --format='%h %cs %s' --until=2026-03-01 upstream/main"),
    Step("git log upstream/main..main -- src/mlops .github manifests/base"),
)

TABLE = (
    happens("git switch -qC mine lighter && git push -q --force origin HEAD:main && git fetch -q"),
    Step(TUMOURS),
    Step("make adopt DATA=tumours.csv TARGET=diagnosis", "adopt: done. Look at `git diff`, then commit"),
    Step("git diff", "table: tumours"),
)

STORY = {"verdict": VERDICT, "red": RED, "conflict": CONFLICT, "canary": CANARY, "upgrade": UPGRADE, "table": TABLE}

DRY = {  # (what is run, a phrase of what it says)
    "kubectl -n model-prod create secret generic model --from-literal=USER_HASH_KEY=... --from-literal=PREDICTION_LOG=postgresql://...": ("{} --dry-run=client -o name", "secret/model"),
    "kubectl -n model-staging create secret docker-registry pull --docker-server=ghcr.io --docker-username=USER --docker-password=TOKEN": ("{} --dry-run=client -o name", "secret/pull"),
    "kubectl apply -k manifests/followers/argo-cd": ("kubectl kustomize manifests/followers/argo-cd", "kind: ApplicationSet"),
    ".venv/bin/mlflow server --backend-store-uri sqlite:///mlflow.db --port 5000": (".venv/bin/mlflow server --help", "--backend-store-uri"),
    ".venv/bin/python benchmarks/false_alarms.py 50": ("env -C tests/sample PYTHONPATH=src ../../.venv/bin/python ../../benchmarks/false_alarms.py 1", "0 of 1 samples fail"),
}  # fmt: skip

COMPOSE = "tests/manifests/test_compose.py::test_a_dead_challenger_is_an_alert_and_no_user_notices"
ADOPT = "tests/adopt/test_adopt.py::test_a_table_is_adopted_and_judged"
DRIFT = "tests/drift/test_drift.py::test_it_finds_what_is_planted_and_ends_with_1"
RETRAIN = "tests/retrain/test_retrain.py::test_a_better_challenger_is_a_branch_on_main"
UPGRADED = "tests/test_upgrade.py::"
CI = ".ci/run"
ELSEWHERE = {
    "bash .ci/run": CI,
    "make test": CI,
    "make rehearse": "tests/rehearsal/test_story.py::test_it_is_the_story_that_is_kept",
    "make rehearse WRITE=1": "tests/rehearsal/test_story.py::test_it_is_the_story_that_is_kept",
    "make test-slow": CI,
    "make setup-actionlint": CI,
    "make setup-kustomize": CI,
    "git clone . /tmp/c && cd /tmp/c && make pr": CI,
    "make lock PR=<number>": "tests/test_lock.py::test_the_verb_commits_both_files_and_nothing_else",
    "make adopt DATA=file.csv TARGET=column": ADOPT,
    "git rm data/table.parquet": "tests/adopt/test_adopt.py::test_a_table_too_large_for_git_goes_to_the_store",
    "make search": "tests/test_search.py::test_a_search_gives_experiments_and_a_diff_and_leaves_the_tree_alone",
    "make log": "tests/test_tracking.py::test_logging_twice_is_one_run_and_one_version",
    "MLFLOW_TRACKING_URI=http://127.0.0.1:5000 make log": "tests/test_tracking.py::test_logging_twice_is_one_run_and_one_version",
    "mlops aliases --env prod": "tests/rollout/test_aliases.py::test_they_follow_a_step_and_its_end",
    "make train serve": "tests/serve/test_server.py::test_sigterm_drains",
    "PREDICTION_LOG=postgresql://model@localhost/model make serve": "tests/serve/sinks/test_postgres.py::test_answers_are_rows_of_their_day",
    "make image": "tests/delivery/test_image.py::test_the_same_commit_gives_the_same_digest",
    "make smoke": "tests/delivery/test_smoke.py::test_the_image_of_this_commit_passes",
    "make image smoke": "tests/delivery/test_smoke.py::test_the_image_of_this_commit_passes",
    "make scan": "tests/delivery/test_scan.py::test_the_image_that_was_built_is_scanned_and_no_other",
    ".venv/bin/mlops scan --config": "tests/delivery/test_scan.py::test_dockerfile_and_manifests_are_looked_at_as_they_are_rendered",
    "make drift": DRIFT,
    "make drift AS_OF=2025-09-30": DRIFT,
    "make accept-drift": "tests/drift/test_accept.py::test_the_newest_closed_windows_are_taken",
    "make accept-drift [START=2026-05 END=2026-09]": "tests/drift/test_accept.py::test_months_that_are_named_are_taken",
    "make setup-monitor": "tests/drift/test_evidently.py::test_the_newest_window_with_rows_enough_is_shown",
    "make retrain": RETRAIN,
    "make retrain WHY='a new product since May'": "tests/retrain/test_retrain.py::test_a_reason_does_not_bring_labels",
    "make trace WHAT=<digest>": "tests/delivery/test_trace.py::test_every_way_leads_to_the_same_data",
    "make trace WHAT=<digest, model hash or commit>": "tests/delivery/test_trace.py::test_every_way_leads_to_the_same_data",
    "make trace WHAT=<request id> LOG=sqlite:///log.db": "tests/delivery/test_trace.py::test_a_request_leads_to_the_model_that_answered_it",
    "make upgrade FROM=<commit>": f"{UPGRADED}test_the_next_upgrade_needs_no_graft",
    "git add -A && git commit": f"{UPGRADED}test_a_file_that_both_changed_is_left_to_a_person",
    "git merge --abort": f"{UPGRADED}test_a_file_that_both_changed_is_left_to_a_person",
    "git checkout --theirs uv.lock && uv lock": f"{UPGRADED}test_a_lock_among_other_conflicts_is_left_to_a_person",
    "sed -i 's/n_estimators: 120/n_estimators: 115/' params.yaml && make pr": "tests/docs/test_newcomer.py::test_a_step_of_the_story_does_what_its_page_says",
    "export CHAMPION_IMAGE=model:local CHALLENGER_IMAGE=model:local STEP=canary-50": COMPOSE,
    "docker compose up -d": COMPOSE,
    "docker compose up": COMPOSE,
    "export STEP=shadow": COMPOSE,
    "docker compose kill challenger": COMPOSE,
    "curl -i -H 'content-type: application/json' -H 'x-user-id: 7' -d @row.json http://127.0.0.1:8080/predict": COMPOSE,
    "curl -s http://127.0.0.1:8080/openapi.json | jq '.paths.\"/predict\".post.requestBody.content.\"application/json\".examples.row.value' > row.json": "tests/serve/test_document.py::test_examples_are_answered_as_described",
    ".venv/bin/pytest tests/test_sample.py": "tests/test_sample.py::test_world_is_as_hard_as_written",
    ".venv/bin/pytest -m slow tests/test_pr.py -k same_lock": "tests/test_pr.py::test_two_clean_runs_write_the_same_lock",
    ".venv/bin/pytest -m slow tests/test_pins.py": "tests/test_pins.py::test_the_same_tree_gives_the_same_bytes_with_fewer_cpu_features",
    "SOAK_MINUTES=60 .venv/bin/pytest -s -m slow tests/serve/test_soak.py": "tests/serve/test_soak.py::test_good_and_bad_load_leaves_the_service_as_it_was",
    ".venv/bin/pytest -m slow tests/serve/test_hostile.py": "tests/serve/test_hostile.py::test_nothing_that_is_sent_is_an_error_of_the_server",
    ".venv/bin/pytest -m slow tests/serve/test_image.py": "tests/serve/test_image.py::test_its_size_is_bounded",
    ".venv/bin/pytest -m slow tests/delivery/test_image.py": "tests/delivery/test_image.py::test_the_same_commit_gives_the_same_digest",
    ".venv/bin/pytest -m load tests/rollout/test_faults.py -k split": "tests/rollout/test_faults.py::test_the_split_is_what_was_promised",
    ".venv/bin/pytest -m slow tests/workflows/test_pull_request.py -k short": "tests/workflows/test_pull_request.py::test_a_change_of_manifests_alone_takes_the_short_way",
    ".venv/bin/pytest -m slow tests/drift/test_performance.py": "tests/drift/test_performance.py::test_the_estimate_does_not_see_another_concept",
    ".venv/bin/pytest -m slow tests/workflows/test_release.py": "tests/workflows/test_release.py::test_a_merge_ends_in_a_signed_image",
}  # fmt: skip

LONG = {  # a benchmark: minutes of work for a figure of docs/measurements.md. That its words are known is tested
    "OPENBLAS_NUM_THREADS=1 .venv/bin/python benchmarks/bootstrap.py",
    ".venv/bin/python benchmarks/adopt.py",
    ".venv/bin/python benchmarks/adopt.py --read 1000",
    ".venv/bin/python benchmarks/serve.py --seconds 3 --rounds 3",
    ".venv/bin/python benchmarks/sinks.py > /dev/null",
    ".venv/bin/python benchmarks/drift.py peers 100000 1000000 10000000",
    ".venv/bin/python benchmarks/drift.py months 80",
    ".venv/bin/python tests/rollout/measure.py 6 faults shadow",
    ".venv/bin/python tests/rollout/measure.py 6 guard",
}

CLOUD = {  # how a command begins that cannot be run here: why
    "skopeo login ghcr.io": "an account there",
    "gh auth login": "github.com, with an account",
    "gh api repos/OWNER/REPO/rulesets": "github.com, with an account",
    "gh api repos/OWNER/REPO/actions/oidc/customization/sub": "github.com, with an account",
    "gh api repos/OWNER/REPO --jq": "github.com, with an account",
    "gh attestation verify oci://ghcr.io/owner/repo": "github.com, with an account",
    "gh repo create OWNER/churn": "github.com, with an account",
    "gh secret set PREDICTION_LOG_URL": "github.com, with an account",
    "gh variable set DVC_REMOTE_URL": "github.com, with an account",
    "gh variable set MLFLOW_TRACKING_URI": "github.com, with an account",
    "gh workflow disable drift.yml": "github.com, with an account",
    "gh workflow run promote.yml": "github.com, with an account",
    "curl -X POST": "github.com's API, with a token",
    "cosign verify --certificate-oidc-issuer": "an image that GitHub's identity has signed; tests/delivery/test_signature.py verifies by a key",
    "gcloud iam workload-identity-pools providers create-oidc": "Google Cloud, with an account",
    "gcloud storage buckets add-iam-policy-binding": "Google Cloud, with an account",
    "az ad app federated-credential create": "Azure, with an account",
    "argocd app sync model-prod": "a cluster with Argo CD",
    "flux reconcile kustomization model-prod": "a cluster with Flux",
    "kubectl -n model-prod get pods": "a cluster",
    "kubectl -n model-prod top pod": "a cluster",
    "kubectl -n model-prod describe hpa model-challenger": "a cluster",
    "kubectl -n model-prod logs deploy/model-champion": "a cluster",
    "skopeo copy oci-archive:build/image.tar docker-daemon:": "Docker's daemon",
    "docker compose down -v": "Docker's daemon",
    "uv add --group train 'psycopg[binary]'": "the package index: it changes uv.lock",
    "uv add --group train 'pyspark[connect]'": "the package index: it changes uv.lock",
    "uv sync --group remote": "the package index: 200 MB of clients",
}  # fmt: skip

MENTIONS = {
    "cosign verify", "export PATH=$PWD/.tools/bin:$PATH", "make adopt", "make evidence", "make promote", "make trace", "mlops compare", "mlops deploy", "mlops doctor", "mlops drift", "mlops image", "mlops labels",
    "mlops needs", "mlops plan", "mlops pr", "mlops promote", "mlops push-image", "mlops retrain", "mlops smoke", "mlops upgrade", "mlops verify",
}  # fmt: skip

OUTPUTS = ("adopt: ", "WARN  ", "# yours")  # how blocks begin that show what is printed, or files

FOREIGN = {  # variables that another program reads, or that only a test does
    "AZURE_STORAGE_ACCOUNT": "adlfs", "DATABASE_URL": "the example beside it", "OPENBLAS_NUM_THREADS": "OpenBLAS",
    "SOAK_MINUTES": "tests/serve/test_soak.py", "USER": "a name to fill in",
}  # fmt: skip

NAMES = {  # what stands for something in a command, and something of its kind
    "<number>": "7", "<commit>": "abc1234", "<digest>": "sha256:abc", "<digest, model hash or commit>": "abc1234",
    "<request id>": "r-1", "<the champion's>": "sha256:abc", "[START=2026-05 END=2026-09]": "START=2026-05 END=2026-09",
    "<model>": "abc",
}  # fmt: skip


def filled(text: str) -> str:
    """A command with something in the place of each name that a reader fills in."""
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


def plain(text: str) -> str:
    """A command without `time` before what it measures."""
    return text.replace("time ", "") if "time make" in text or "time mlops" in text else text


def ran() -> list[Step]:
    """All steps of the story, in order."""
    return [step for steps in STORY.values() for step in steps]


def _kinds() -> list[set[str]]:
    return [{step.text for step in ran() if step.text}, {*DRY}, {*ELSEWHERE}, LONG, MENTIONS]


def told() -> set[str]:
    """The texts of all rows, as pages have them; of CLOUD, which has beginnings, none."""
    return set().union(*_kinds())


def doubled() -> list[str]:
    """Texts with rows of two kinds."""
    texts = [text for kind in _kinds() for text in kind]
    return sorted({text for text in texts if texts.count(text) > 1 or text.startswith(tuple(CLOUD))})


def untold(command: Command) -> str:
    """Return what is wrong with a command that no row is about, "" where one is."""
    text = plain(command.text)
    if text in told() or text.startswith(tuple(CLOUD)):
        return ""
    return (
        f"{command.page}: nothing tries `{command.text}`: add a row to tests/docs/commands.py, best to STORY, "
        "which runs it; else to ELSEWHERE, with the test that does"
    )

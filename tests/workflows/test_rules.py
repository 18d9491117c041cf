"""Our workflow files keep the rules, and each rule finds what it is there to find."""

import re

import pytest
import yaml

from mlops.comment.clean import JUDGE
from mlops.delivery import overlay
from mlops.delivery.restore import NAME
from mlops.delivery.signature import WORKFLOW as SIGNER
from mlops.lock import WORKFLOW
from mlops.rollout import step
from workflows import rules
from workflows.rules import RULES, File

SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
WORKFLOW_FILE = f"""
name: check
on:
  pull_request:
  workflow_run: {{workflows: [other]}}
permissions: {{}}
defaults: {{run: {{shell: bash}}}}
concurrency:
  group: check-${{{{ github.ref }}}}
  cancel-in-progress: false
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read # the checkout
    steps:
      - uses: actions/checkout@{SHA} # v7.0.1
        with: {{persist-credentials: false}}
      - run: make test
        env: {{NAME: "${{{{ github.head_ref }}}}"}}
  verdict:
    needs: [test]
    if: always()
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{contents: read}} # the checkout
    steps:
      - uses: ./.github/actions/setup
"""
ACTION_FILE = """
name: setup
runs:
  using: composite
  steps:
    - run: make setup
      shell: bash
"""
# rule -> (what is there, what breaks the rule, what it says)
BROKEN = [
    (rules.has_a_name, "name: check\n", "", "no name"),
    (rules.pins_actions, f"@{SHA} # v7.0.1", "@v7", "actions/checkout@v7"),
    (rules.pins_actions, f"@{SHA} # v7.0.1", f"@{SHA}", f"actions/checkout@{SHA}"),
    (rules.pins_actions, f"@{SHA} # v7.0.1", f"@{SHA} # v7", f"actions/checkout@{SHA} # v7"),
    (rules.pins_what_still_runs, "./.github/actions/setup", "iterative/setup-cml@v2", "iterative/setup-cml@v2"),
    (rules.pins_what_still_runs, "./.github/actions/setup", min(rules.REFUSED), min(rules.REFUSED)),
    (
        rules.grants_nothing_on_top,
        "permissions: {}\n",
        "permissions: {contents: read}\n",
        "top-level permissions are not {}",
    ),
    (rules.grants_nothing_on_top, "permissions: {}\n", "", "top-level permissions are not {}"),
    (rules.gives_a_reason_beside_each_grant, "contents: read # the checkout", "contents: read", "test: contents"),
    (rules.gives_a_reason_beside_each_grant, "read} # the checkout", "read}", "verdict: contents"),
    (rules.grants_by_name, "permissions: {contents: read} # the checkout", "permissions: write-all", "verdict"),
    (rules.grants_by_name, "    permissions: {contents: read} # the checkout\n", "", "verdict"),
    (rules.has_a_time_limit, "    timeout-minutes: 5\n", "", "test"),
    (
        rules.keeps_expressions_out_of_run,
        "run: make test",
        'run: echo "${{ github.head_ref }}"',
        'echo "${{ github.head_ref }}"',
    ),
    (
        rules.runs_one_command,
        "run: make test",
        "run: |\n          make lint\n          make test",
        "make lint\nmake test",
    ),
    (rules.runs_one_command, "run: make test", "run: make test | tee log", "make test | tee log"),
    (rules.runs_one_command, "run: make test", "run: make lint && make test", "make lint && make test"),
    (rules.runs_one_command, "run: make test", "run: make lint; make test", "make lint; make test"),
    (rules.keeps_no_credentials, "persist-credentials: false", "fetch-depth: 0", "checkout keeps its token"),
    (rules.keeps_no_credentials, "persist-credentials: false", "persist-credentials: true", "checkout keeps its token"),
    (rules.checks_out_what_started_it, "persist-credentials: false", "ref: their-branch", "ref"),
    (rules.limits_concurrency, "  cancel-in-progress: false\n", "", "no concurrency group with cancel-in-progress"),
    (rules.never_trusts_a_pull_request, "  pull_request:\n", "  pull_request_target:\n", "pull_request_target"),
    (rules.starts_for_every_path, "pull_request:\n", 'pull_request: {paths: ["src/**"]}\n', "pull_request"),
    (rules.never_skips_checks, "run: make test", 'run: git commit -m "lock [skip ci]"', "[skip ci]"),
    (rules.fails_in_a_pipe, "defaults: {run: {shell: bash}}\n", "", "defaults.run.shell is not bash"),
    (rules.waits_for_every_job, "needs: [test]", "needs: []", "test"),
    (rules.waits_for_every_job, "if: always()", "if: success()", "it does not run always"),
    (rules.stays_short, "name: check\n", "name: check\n" + "# a line\n" * 100, "the file has 129 lines"),
    (rules.stays_short, "      - run: make test\n", "      - run: make test\n" * 30, "test has 39 lines"),
    (
        rules.stays_short,
        "      - uses: ./.github/actions/setup\n",
        "      - uses: ./.github/actions/setup\n" * 9,
        "verdict",
    ),
]


def names(value):
    """A rule by its function's name, a file by its own."""
    return getattr(value, "__name__", None) or getattr(value, "name", None)


@pytest.mark.parametrize("rule", RULES, ids=names)
@pytest.mark.parametrize("file", rules.ours(), ids=names)
def test_ours_keep_the_rule(rule, file):
    """Each of our files keeps each rule."""
    assert [] == rule(file), f"{file.name}: {rule.__doc__}"


@pytest.mark.parametrize("rule", RULES, ids=names)
@pytest.mark.parametrize("text", [WORKFLOW_FILE, ACTION_FILE], ids=["workflow", "action"])
def test_a_rule_passes_what_keeps_it(rule, text):
    """A file that does it right is not complained of."""
    assert [] == rule(File(text))


@pytest.mark.parametrize(("rule", "old", "new", "said"), BROKEN, ids=names)
def test_a_rule_finds_what_breaks_it(rule, old, new, said):
    """The same file with one fault is complained of by name."""
    assert old in WORKFLOW_FILE
    assert said in rule(File(WORKFLOW_FILE.replace(old, new, 1)))


def test_a_rule_finds_an_action_that_leaves_its_shell_open():
    """A composite action has no defaults: each step names bash."""
    assert ["make setup"] == rules.fails_in_a_pipe(File(ACTION_FILE.replace("shell: bash", "shell: sh")))


def test_every_rule_has_a_file_that_breaks_it():
    """A rule that nothing breaks is no rule."""
    assert set(RULES) == {rule for rule, *_ in BROKEN}


def test_every_workflow_is_among_ours():
    """The rules look at every file below .github that runs something."""
    expected = {"pull-request.yml", "comment.yml", "reports.yml", "release.yml", "image.yml", "action.yml"}
    assert expected <= {file.name.rpartition("/")[2] for file in rules.ours()}


# What act does not look at, for the files that decide about other people's code.


def file(name):
    """One of our workflow files."""
    return File.read(rules.ROOT / ".github/workflows" / name)


def test_a_pull_request_is_given_nothing_but_its_own_code():
    """Every job of pull-request.yml may read the repository and names no secret; the one that asks what images are shows its own registry the token that reads."""
    found = file("pull-request.yml")
    permissions = {name: job["permissions"] for name, job in found.jobs.items()}
    assert {"contents": "read", "packages": "read"} == permissions.pop("manifests")
    assert [{"contents": "read"}] * 7 == [*permissions.values()]
    assert ["github.token"] == re.findall(r"secrets\.|secrets:|github\.token|GITHUB_TOKEN|environment:", found.text)
    (asked,) = (step for step in found.jobs["manifests"]["steps"] if "token" in step.get("with", {}))
    assert "${{ !vars.IMAGE_REPOSITORY && github.token || '' }}" == asked["with"]["token"]


def test_a_pull_request_is_judged_on_each_of_its_events():
    """A draft made by a bot is judged when a person marks it ready, and the merge queue and a person may ask too."""
    triggers = file("pull-request.yml").triggers
    assert {"pull_request", "merge_group", "workflow_dispatch"} == triggers.keys()
    assert {"opened", "synchronize", "reopened", "ready_for_review"} == set(triggers["pull_request"]["types"])


def test_only_a_pull_request_is_cancelled_by_its_next_commit():
    """A newer commit of the same pull request cancels; main's and the merge queue's runs end."""
    group = file("pull-request.yml").yaml["concurrency"]
    assert "${{ github.event_name == 'pull_request' }}" == group["cancel-in-progress"]
    assert "github.event.pull_request.number || github.ref" in group["group"]
    assert [False, False] == [
        file(name).yaml["concurrency"]["cancel-in-progress"] for name in ("comment.yml", "reports.yml")
    ]


def test_the_jobs_run_the_verbs_of_the_design():
    """manifests, lint, test, train, behaviour, deepchecks, compare, verdict, in this order."""
    expected = ["manifests", "lint", "test", "train", "behaviour", "deepchecks", "compare", "verdict"]
    assert expected == list(file("pull-request.yml").jobs)


def test_a_change_of_manifests_alone_skips_what_judges_a_model_and_nothing_else_does():
    """Each job but manifests and verdict waits for the word of manifests, or for one that does; verdict names it as the one that counts."""
    jobs = file("pull-request.yml").jobs
    route = "needs.manifests.outputs.only != 'true'"
    assert ["lint", "test", "train"] == [name for name, job in jobs.items() if route in str(job.get("if"))]
    assert [("train", None), ("train", None)] == [
        (jobs[name]["needs"], jobs[name].get("if")) for name in ("behaviour", "deepchecks")
    ]
    assert "needs.train.result != 'skipped'" in jobs["compare"]["if"]
    assert sorted(jobs.keys() - {"verdict"}) == sorted(jobs["verdict"]["needs"])
    last = jobs["verdict"]["steps"][-1]
    assert "${{ needs.manifests.outputs.only == 'true' && 'manifests' || '' }}" == last["env"]["ONLY"]


def test_who_looks_at_figures_may_change_nothing_and_who_changes_sees_no_figures():
    """guard.yml: a source's token and a token that writes are never in one job."""
    jobs = file("guard.yml").jobs
    writers = [name for name, job in jobs.items() if "contents: write" in yaml.dump(job["permissions"])]
    readers = [name for name, job in jobs.items() if "PROMETHEUS_TOKEN" in yaml.dump(job)]
    assert (["rollback", "revert"], ["look"]) == (writers, readers)
    assert {"contents": "read"} == jobs["look"]["permissions"]


def test_an_environment_moves_by_a_persons_dispatch_or_an_alarm_and_from_main_alone():
    """No pull request starts promote or guard, and no other branch's code runs in them."""
    guard, promote = file("guard.yml"), file("promote.yml")
    assert {"schedule", "repository_dispatch", "workflow_dispatch"} == guard.triggers.keys()
    assert {"workflow_dispatch", "push"} == promote.triggers.keys()
    assert {"branches": ["main"], "paths": ["manifests/overlays/prod/**"]} == promote.triggers["push"]
    assert "github.ref == 'refs/heads/main'" == guard.jobs["look"]["if"]
    for name in ("promote", "rollback"):
        assert "github.ref == 'refs/heads/main'" in promote.jobs[name]["if"]
    group = promote.yaml["concurrency"]["group"]
    assert "${{ inputs.step == 'rollback' && 'rollback' || 'promote' }}-${{ inputs.environment || 'aliases' }}" == group
    assert "guard-${{ github.event.client_payload.environment || 'all' }}" == guard.yaml["concurrency"]["group"]
    assert [False, False] == [each.yaml["concurrency"]["cancel-in-progress"] for each in (guard, promote)]


def test_every_environment_and_step_can_be_dispatched():
    """The choices are the overlays and the steps there are."""
    inputs = file("promote.yml").triggers["workflow_dispatch"]["inputs"]
    assert set(overlay.environments(rules.ROOT)) == set(inputs["environment"]["options"])
    assert ["next", *step.ORDER[1:], "rollback"] == inputs["step"]["options"]


def test_who_compares_has_all_of_mains_history():
    """The champion is found in it; a shallow clone cannot tell what is not there from what never was."""
    found = {}
    for workflow in ("pull-request.yml", "reports.yml"):
        for name, job in file(workflow).jobs.items():
            if any("compare" in step.get("run", "") for step in job.get("steps", [])):
                found[name] = job["steps"][0]["with"].get("fetch-depth")
    assert {"compare": 0, "reports": 0} == found


def test_comment_follows_pull_request():
    """comment.yml listens to the workflow of this name, and to the end of its runs alone."""
    started = file("comment.yml").triggers["workflow_run"]
    assert {"workflows": [file("pull-request.yml").yaml["name"]], "types": ["completed"]} == started
    assert JUDGE == file("pull-request.yml").name == f".github/workflows/{WORKFLOW}"


def test_one_job_of_comment_writes_and_it_reads_no_artifact_of_a_pull_request():
    """clean reads, post writes comments; neither may do what the other does."""
    jobs = file("comment.yml").jobs
    assert ["post"] == [name for name, job in jobs.items() if "write" in job["permissions"].values()]
    assert {"contents": "read", "pull-requests": "write"} == jobs["post"]["permissions"]


def test_only_the_job_that_deploys_may_deploy():
    """reports runs the pipeline with a token that reads; pages runs none of our code."""
    jobs = file("reports.yml").jobs
    assert {"contents": "read", "pull-requests": "read"} == jobs["reports"]["permissions"]
    assert {"pages": "write", "id-token": "write"} == jobs["pages"]["permissions"]
    assert [] == [step for step in jobs["pages"]["steps"] if "run" in step or step["uses"].startswith("./")]


def test_main_alone_writes_caches_and_begins_with_none():
    """A pull request restores main's cache and saves none; what main saves, main has made. What drift has trained is restored by drift alone."""
    texts = {found.name.removeprefix(".github/").removeprefix("workflows/"): found.text for found in rules.ours()}
    assert ["drift.yml", "release.yml"] == [name for name, text in texts.items() if "actions/cache/save@" in text]
    restores = ["actions/setup/action.yml", "drift.yml", "release.yml"]
    assert restores == [name for name, text in texts.items() if "actions/cache/restore@" in text]
    assert ["retrain"] * 3 == re.findall(r'keys?: "(\w+)-', texts["drift.yml"])
    assert not [text for text in texts.values() if "actions/cache@" in text]
    assert "dvc-cache" not in texts["release.yml"]
    looks = [step["with"] for step in file("release.yml").steps if "cache/restore" in step.get("uses", "")]
    assert [True] == [each["lookup-only"] for each in looks]
    assert "github.ref == 'refs/heads/main'" == file("release.yml").jobs["plan"]["if"]
    steps = [
        step.get("run", step.get("uses", "")).rpartition(" ")[2] for step in file("release.yml").jobs["verify"]["steps"]
    ]
    assert steps.index("verify") < next(at for at, step in enumerate(steps) if "cache/save" in step)


def test_a_release_is_started_by_what_an_image_may_hold():
    """Not by manifests or documents alone; daily too, since some merges start no run; and on main alone."""
    triggers = file("release.yml").triggers
    assert {"push", "schedule", "workflow_dispatch"} == triggers.keys()
    assert {"branches": ["main"], "paths-ignore": ["manifests/**", "docs/**"]} == triggers["push"]
    assert {"workflow_call"} == file("image.yml").triggers.keys()


def test_what_looks_at_an_image_has_no_token_that_writes():
    """build and scan run other people's programs: they may read the repository, and name no secret."""
    jobs = file("image.yml").jobs
    assert ["build", "scan", "findings", "push", "sign"] == list(jobs)
    for name in ("build", "scan"):
        assert {"contents": "read"} == jobs[name]["permissions"]
        assert not re.findall(r"secrets\.|github\.token", yaml.dump(jobs[name]))
    assert ["packages"] == [grant for grant, may in jobs["push"]["permissions"].items() if may == "write"]
    assert ["sign"] == [name for name, job in jobs.items() if "id-token" in job["permissions"]]


def test_nothing_is_pushed_that_was_not_built_run_and_scanned():
    """Each of these jobs needs those before it, and none runs after a failure."""
    jobs = file("image.yml").jobs
    assert ("build", ["build", "scan"], ["build", "push"]) == tuple(
        jobs[name]["needs"] for name in ("scan", "push", "sign")
    )
    assert [] == [name for name in ("build", "scan", "push", "sign") if "if" in jobs[name]]
    steps = [step.get("run", "") for step in jobs["build"]["steps"]]
    verbs = [step.split("mlops ")[1] for step in steps if "mlops " in step]
    assert ["restore", "verify", "image", "smoke"] == verbs


def test_who_signs_is_the_workflow_that_signatures_are_held_against():
    """The certificate names the called workflow."""
    assert file("image.yml").name == SIGNER
    assert f"./{SIGNER}" == file("release.yml").jobs["image"]["uses"]


def test_a_called_workflow_is_granted_what_its_jobs_ask_for():
    """And nothing else: a grant that is missing stops the run before it starts."""
    asked: dict = {}
    for job in file("image.yml").jobs.values():
        for grant, may in job["permissions"].items():
            asked[grant] = may if asked.get(grant) != "write" else "write"
    assert asked == file("release.yml").jobs["image"]["permissions"]


def test_every_failure_of_a_release_is_told():
    """The ticket waits for all other jobs, and runs whatever they did."""
    jobs = file("release.yml").jobs
    assert sorted(jobs.keys() - {"ticket"}) == sorted(jobs["ticket"]["needs"])
    assert "!cancelled()" in jobs["ticket"]["if"]


def test_githubs_token_goes_to_githubs_registry_alone():
    """Another registry is shown its own token, or none."""
    said = [
        line.strip()
        for each in rules.ours()
        for line in each.text.splitlines()
        if line.strip().startswith("REGISTRY_TOKEN: ${{ secrets")
    ]
    assert 9 == len(said)
    assert {"REGISTRY_TOKEN: ${{ secrets.REGISTRY_TOKEN || (!vars.IMAGE_REPOSITORY && github.token) || '' }}"} == set(
        said
    )


def test_no_variable_of_a_command_stands_unquoted():
    """A runner has shellcheck, which this machine may lack: its findings would be red there alone."""
    runs = [step["run"] for each in rules.ours() for step in each.steps if "run" in step]
    assert [] == [run for run in runs if re.search(r"\$", re.sub(r'"[^"]*"', "", run))]


def test_trivy_is_pinned_twice():
    """Its action by commit, and its program by version: the same one wherever it is used."""
    found = {
        (step["uses"], step["with"]["version"])
        for each in rules.ours()
        for step in each.steps
        if "setup-trivy" in step.get("uses", "")
    }
    assert 1 == len(found)
    assert re.fullmatch(r"v\d+\.\d+\.\d+", next(iter(found))[1])


def test_both_ends_of_the_cache_name_it_alike():
    """The path and the key under which main saves are those that a pull request asks for."""
    save = next(step["with"] for step in file("release.yml").steps if "cache/save" in step.get("uses", ""))
    action = yaml.safe_load((rules.ROOT / ".github/actions/setup/action.yml").read_text(encoding="utf-8"))
    restore = next(step["with"] for step in action["runs"]["steps"] if "cache/restore" in step["uses"])
    assert (save["path"], save["key"]) == (restore["path"], restore["key"])
    assert save["key"].startswith(restore["restore-keys"])


def test_every_artifact_that_is_read_is_written():
    """report and lock are what comment.yml and `make lock` ask for; cache-* is what the later jobs begin with."""
    steps, results = (
        file("pull-request.yml").steps,
        rules.File.read(rules.ROOT / ".github/actions/results/action.yml").steps,
    )
    written = [step["with"]["name"] for step in [*steps, *results] if "upload-artifact" in step.get("uses", "")]
    assert ["dvc-${{ hashFiles('dvc.lock') }}", "report", "lock", "pages"] == written
    assert NAME.format("${{ hashFiles('dvc.lock') }}") == written[0]
    asked = {step["with"]["artifacts"] for step in steps if "artifacts" in step.get("with", {})}
    stages = {f"cache-{step['with']['name']}" for step in steps if "actions/stage" in step.get("uses", "")}
    assert ({"cache-evaluate", "cache-*"}, {"cache-evaluate", "cache-behaviour", "cache-deepchecks"}) == (asked, stages)


def test_a_run_that_only_draws_takes_the_place_of_none_that_records():
    """Of runs that wait GitHub keeps the newest of a group: a push's and a drift's are in another than a release's."""
    reports = file("reports.yml").yaml
    draws = "(github.event_name == 'push' || github.event.workflow_run.name == 'drift') && 'draws'"
    skips = "github.event.workflow_run.event == 'schedule' && 'skips'"
    expected = f"reports-${{{{ {draws} || {skips} || 'records' }}}}-${{{{ github.ref }}}}"
    assert expected == reports["concurrency"]["group"]
    assert {"group": "pages", "cancel-in-progress": False} == reports["jobs"]["pages"]["concurrency"]

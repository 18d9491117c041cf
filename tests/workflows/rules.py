"""The rules that our workflow files keep, each a function: a file in, what is wrong out. Its docstring is the message."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Pins that no longer run on a hosted runner (node16, node20), or whose newest release does not.
REFUSED = {
    "actions/configure-pages@983d7736d9b0ae728b81ab479565c72886d7745b",
    "extractions/setup-just@dd310ad5a97d8e7b41793f8ef055398d51ad4de6",
    "imranismail/setup-kustomize@2ba527d4d055ab63514ba50a99456fc35684947f",
}
REFUSED_ACTIONS = ("iterative/setup-cml@", "iterative/setup-dvc@")
LONGEST_FILE, LONGEST_JOB, MOST_STEPS = 120, 30, 8


@dataclass(frozen=True)
class File:
    """A workflow, or a composite action, as text and as YAML."""

    text: str
    name: str = "inline.yml"

    @classmethod
    def read(cls, path: Path) -> "File":
        """The file at `path`."""
        return cls(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())

    @property
    def yaml(self) -> dict:
        """The parsed file; YAML reads the key `on` as true."""
        found = yaml.safe_load(self.text)
        return {("on" if key is True else key): value for key, value in found.items()}

    @property
    def is_action(self) -> bool:
        """Whether it is a composite action: it has neither triggers nor permissions."""
        return "runs" in self.yaml

    @property
    def jobs(self) -> dict[str, dict]:
        """Job -> its content; none in an action."""
        return self.yaml.get("jobs", {})

    @property
    def steps(self) -> list[dict]:
        """All steps."""
        return [step for job in [*self.jobs.values(), self.yaml.get("runs", {})] for step in job.get("steps", [])]

    @property
    def triggers(self) -> dict:
        """Event -> its filters."""
        found = self.yaml.get("on", {})
        return found if isinstance(found, dict) else dict.fromkeys([found] if isinstance(found, str) else found)


def has_a_name(file: File) -> list[str]:
    """A workflow has a name; a job's id is its own."""
    return [] if file.yaml.get("name") else ["no name"]


def pins_actions(file: File) -> list[str]:
    """An action is pinned by the SHA of a commit, with its version behind it: owner/name@<40 digits> # v1.2.3."""
    pinned = re.compile(r"\./[\w./-]+( #.*)?$|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    used = re.findall(r"^\s*(?:- )?uses:\s*(.+?)\s*$", file.text, re.M)
    return [uses for uses in used if not pinned.match(uses)]


def pins_what_still_runs(file: File) -> list[str]:
    """No action that hosted runners no longer run."""
    used = [step.get("uses", "") for step in file.steps]
    return [uses for uses in used if uses in REFUSED or uses.startswith(REFUSED_ACTIONS)]


def grants_nothing_on_top(file: File) -> list[str]:
    """permissions: {} on top, so that each job says what it needs."""
    return [] if file.is_action or file.yaml.get("permissions") == {} else ["top-level permissions are not {}"]


def gives_a_reason_beside_each_grant(file: File) -> list[str]:
    """Each grant of a job has its reason behind it."""
    lines, found = file.text.splitlines(), []
    for name, job in _nodes(yaml.compose(file.text), "jobs"):
        for key, grants in _pairs(job):
            for grant, _ in _pairs(grants) if key.value == "permissions" else []:
                if " # " not in lines[grant.start_mark.line]:
                    found.append(f"{name}: {grant.value}")
    return found


def grants_by_name(file: File) -> list[str]:
    """A job says its permissions, one by one: no read-all, no write-all."""
    return [name for name, job in file.jobs.items() if not isinstance(job.get("permissions"), dict)]


def has_a_time_limit(file: File) -> list[str]:
    """Each job has timeout-minutes; one that calls another workflow cannot."""
    return [name for name, job in file.jobs.items() if "uses" not in job and "timeout-minutes" not in job]


def keeps_expressions_out_of_run(file: File) -> list[str]:
    """Values reach run: through env:, never as ${{ }}."""
    return [step["run"] for step in file.steps if "${{" in step.get("run", "")]


def runs_one_command(file: File) -> list[str]:
    """A step's run: is one line with one command."""
    runs = [step["run"].strip() for step in file.steps if "run" in step]
    return [run for run in runs if re.search(r"\n|&&|\|\||[;|]\s", run)]


def keeps_no_credentials(file: File) -> list[str]:
    """checkout leaves no token in the folder: persist-credentials: false."""
    taken = [step.get("with", {}) for step in file.steps if step.get("uses", "").startswith("actions/checkout@")]
    return ["checkout keeps its token" for given in taken if given.get("persist-credentials") is not False]


def checks_out_what_started_it(file: File) -> list[str]:
    """A run with rights of its own never checks out another's commit."""
    taken = [step for step in file.steps if step.get("uses", "").startswith("actions/checkout@")]
    foreign = [key for step in taken for key in ("ref", "repository") if key in step.get("with", {})]
    return foreign if "workflow_run" in file.triggers else []


def limits_concurrency(file: File) -> list[str]:
    """A workflow has a concurrency group, and says whether a running one is cancelled."""
    found = file.yaml.get("concurrency")
    known = isinstance(found, dict) and {"group", "cancel-in-progress"} <= found.keys()
    return [] if file.is_action or known else ["no concurrency group with cancel-in-progress"]


def never_trusts_a_pull_request(file: File) -> list[str]:
    """pull_request_target would give a fork's code the rights of main."""
    return [event for event in file.triggers if event == "pull_request_target"]


def starts_for_every_path(file: File) -> list[str]:
    """No paths: on what may be required: a check that never starts blocks the merge for ever."""
    events = {
        event: filters or {} for event, filters in file.triggers.items() if event in ("pull_request", "merge_group")
    }
    return [event for event, filters in events.items() if {"paths", "paths-ignore", "branches"} & set(filters)]


def never_skips_checks(file: File) -> list[str]:
    """No commit message that starts no checks."""
    return re.findall(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|skip-checks", file.text)


def fails_in_a_pipe(file: File) -> list[str]:
    """bash by name, so that a failure before a pipe is one: GitHub's own default has no pipefail."""
    if file.is_action:
        return [step["run"] for step in file.steps if "run" in step and step.get("shell") != "bash"]
    return (
        []
        if file.yaml.get("defaults", {}).get("run", {}).get("shell") == "bash"
        else ["defaults.run.shell is not bash"]
    )


def waits_for_every_job(file: File) -> list[str]:
    """verdict, the one required check, runs always and needs all other jobs."""
    if "verdict" not in file.jobs:
        return []
    missing = file.jobs.keys() - {"verdict"} - set(file.jobs["verdict"].get("needs", []))
    return sorted(missing) + ([] if file.jobs["verdict"].get("if") == "always()" else ["it does not run always"])


def stays_short(file: File) -> list[str]:
    """A file has at most 120 lines, a job 30 and 8 steps."""
    found = [f"the file has {n} lines" for n in [len(file.text.splitlines())] if n > LONGEST_FILE]
    for name, job in _nodes(yaml.compose(file.text), "jobs"):
        lines = file.text.splitlines()[job.start_mark.line - 1 : job.end_mark.line]
        found += [f"{name} has {n} lines" for n in [sum(bool(line.strip()) for line in lines)] if n > LONGEST_JOB]
    return found + [name for name, job in file.jobs.items() if len(job.get("steps", [])) > MOST_STEPS]


RULES = (
    has_a_name,
    pins_actions,
    pins_what_still_runs,
    grants_nothing_on_top,
    gives_a_reason_beside_each_grant,
    grants_by_name,
    has_a_time_limit,
    keeps_expressions_out_of_run,
    runs_one_command,
    keeps_no_credentials,
    checks_out_what_started_it,
    limits_concurrency,
    never_trusts_a_pull_request,
    starts_for_every_path,
    never_skips_checks,
    fails_in_a_pipe,
    waits_for_every_job,
    stays_short,
)


def ours() -> list[File]:
    """Every workflow and action of this repository."""
    return [
        File.read(path) for path in sorted(ROOT.glob(".github/**/*.yml")) if {"workflows", "actions"} & set(path.parts)
    ]


def _pairs(node) -> list[tuple]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _nodes(root, key: str) -> list[tuple[str, yaml.Node]]:
    """The entries of the mapping that the top-level `key` holds, as nodes that know their lines."""
    return [(name.value, node) for top, inner in _pairs(root) if top.value == key for name, node in _pairs(inner)]

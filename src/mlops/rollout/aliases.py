"""Verb `aliases`: MLflow's @champion and @challenger follow what main says an environment serves. Run: mlops aliases --env prod.

They follow and never lead: nothing here reads them.
"""

import os

from mlops import contract, dvc
from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.rollout import evidence, step
from mlops.tracking import SETTINGS, legal


def add_arguments(parser) -> None:
    """Add whom they follow."""
    parser.add_argument("--env", required=True, dest="environment")


def run(args) -> int:
    """Set or take away both aliases, and say so; not configured is said once."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        print("aliases: not configured: MLFLOW_TRACKING_URI is not set")
        return 0
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)  # before the import, which reads them
    from mlflow.exceptions import MlflowException

    name = overlay.file(args.environment)
    try:
        for line in followed(uri, wanted(overlay.at(evidence.main_commit(), name), name)):
            print(f"aliases: {line}")
    except (MlflowException, OSError) as error:
        said = f"MLflow at {uri} cannot be used (...{' '.join(str(error).split())[-200:]})"
        raise CannotRun(f"{dvc.shown(said)}: correct or unset MLFLOW_TRACKING_URI") from None
    return 0


def wanted(text: str, name: str) -> dict[str, str]:
    """Return {alias: model hash} of an overlay; "" where there is none."""
    champion, challenger = overlay.images(text, name)["champion"], step.challenger(text, name)
    return {
        "champion": champion.model if champion.released else "",
        "challenger": challenger.model if challenger else "",
    }


def followed(uri: str, aliases: dict[str, str]) -> list[str]:
    """Bring the registered model's aliases in line, and return what was done, a line each.

    Raises CannotRun where no version has a model's hash: `mlops log` has not been run on it.
    """
    import mlflow

    mlflow.set_tracking_uri(uri)
    client, name = mlflow.MlflowClient(), legal(f"predict-{contract.read().target}")
    versions = {alias: _version(client, name, model) for alias, model in aliases.items()}  # all, before one is set
    for alias, version in versions.items():
        if version:
            client.set_registered_model_alias(name, alias, version)
        else:
            client.delete_registered_model_alias(name, alias)
    return [
        f"@{alias} is version {version}, model {aliases[alias][:12]}" if version else f"@{alias} names nothing"
        for alias, version in versions.items()
    ]


def _version(client, name: str, model: str) -> str:
    if not model:
        return ""
    found = client.search_model_versions(f"name = '{name}' and tag.model_hash = '{model}'", max_results=1)
    if not found:
        raise CannotRun(f"{name} has no version of model {model[:12]}: `make log` on the commit that brought it")
    return found[0].version

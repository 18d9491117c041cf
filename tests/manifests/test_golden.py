"""What base and each component render to, of fixed digests: a change of manifests/ shows in a diff as the cluster will see it.

After a wanted change: GOLDEN=write pytest tests/manifests/test_golden.py
"""

import os
from pathlib import Path

import pytest
import yaml

from mlops.delivery.render import rendered
from rendering import needs_kustomize

pytestmark = needs_kustomize
HERE = Path(__file__).parent
FIXTURES = sorted(path.parent.name for path in HERE.glob("fixtures/*/kustomization.yaml"))


@pytest.mark.parametrize("name", FIXTURES)
def test_a_fixture_renders_to_its_golden_file(name):
    """To the value; kustomize's versions lay YAML out differently."""
    golden, objects = HERE / f"golden/{name}.yaml", rendered(HERE / "fixtures" / name)
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
    assert [*yaml.safe_load_all(golden.read_text(encoding="utf-8"))] == objects


def test_each_component_has_a_fixture():
    """And base, a step, and monitoring."""
    components = {path.parent.name for path in (HERE.parents[1] / "manifests/components").glob("*/kustomization.yaml")}
    assert components | {"base", "canary", "monitoring"} == set(FIXTURES)

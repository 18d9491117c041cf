"""A scan that saw the image finds holes or none; one that could not look is no pass; and what is let pass has a reason and a day."""

import argparse
import json
import tarfile
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from copies import ROOT
from mlops.delivery import scan
from mlops.delivery.render import renderer
from mlops.errors import CannotRun
from mlops.files import read_json, write_json, write_text
from mlops.paths import IMAGE, SARIF, SBOM, SCAN, SCANNED
from oci import archive

TODAY = date(2026, 9, 1)
ENTRY = {"id": "CVE-2026-1", "statement": "the service never calls it", "expired_at": TODAY}
TRIVY = str(ROOT / "tests/workflows/actions/trivy/trivy")
RECORDS = """
import json, runpy, sys
with open({log!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
runpy.run_path({trivy!r}, run_name="__main__")
"""
WRITES = """
import pathlib, sys
pathlib.Path(sys.argv[sys.argv.index("--output") + 1]).write_text({text!r})
"""
SEEN = [{"Target": "Dockerfile"}]
BASE, PYTHON = {"Class": "os-pkgs", "Packages": [{}]}, {"Class": "lang-pkgs", "Packages": [{}]}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """An image's archive, and nothing let pass, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("TRIVY_FINDS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    archive(Path(IMAGE), {})
    write_text(".trivyignore.yaml", "vulnerabilities: []\n")
    return tmp_path


@pytest.fixture
def trivy(tree, program):
    """A function: how trivy was called each time, without the paths that change."""
    log = tree / "argv"
    program("trivy", RECORDS.format(log=str(log), trivy=TRIVY))

    def calls() -> list[list[str]]:
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return calls


@pytest.fixture
def writes(tree, program):
    """A function: what trivy writes, whatever it is asked."""
    return lambda value: program("trivy", WRITES.format(text=value if isinstance(value, str) else json.dumps(value)))


def run(*words: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    scan.add_arguments(parser)
    return scan.run(parser.parse_args(words))


def ignored(**entry) -> None:
    """Let something pass."""
    write_text(".trivyignore.yaml", yaml.safe_dump({"vulnerabilities": [entry]}))


def following(words: list[str], name: str) -> str:
    """The word after an option."""
    return words[words.index(name) + 1]


def test_an_image_without_a_hole_passes(trivy, capsys):
    """Report, SARIF and SBOM are there, each of the one report."""
    assert 0 == run()
    assert "scan of the image: nothing found\n" == capsys.readouterr().out
    report = read_json(SCAN, "")
    assert [("sarif", report), ("cyclonedx", report)] == [
        (made["format"], made["made_of"]) for made in (read_json(SARIF, ""), read_json(SBOM, ""))
    ]


def test_a_hole_is_named_and_does_not_pass(trivy, monkeypatch, capsys):
    """With its package and what mends it; SARIF and SBOM are written all the same."""
    monkeypatch.setenv("TRIVY_FINDS", "a hole")
    assert 1 == run()
    said = ["scan: CVE-2026-1 HIGH libc6 1, mended in 2", "scan of the image: 1 found of severity high or critical"]
    assert said == capsys.readouterr().out.splitlines()
    assert [True, True] == [Path(SARIF).exists(), Path(SBOM).exists()]


def test_trivy_is_asked_for_grave_holes_that_can_be_mended(trivy):
    """In the image alone, with all packages, of which the SBOM is made; what is let pass is in the one file."""
    run()
    image = trivy()[0]
    assert "image" == image[0]
    wanted = {
        "--severity": "HIGH,CRITICAL", "--ignorefile": ".trivyignore.yaml", "--format": "json", "--scanners": "vuln",
    }  # fmt: skip
    assert wanted == {name: following(image, name) for name in wanted}
    assert {"--ignore-unfixed", "--list-all-pkgs", "--quiet"} <= {*image}


def test_trivy_is_given_a_folder(tree, program):
    """It takes OCI's layout as a folder, and an archive for Docker's; nothing of it is left."""
    looks = (
        "import json, pathlib, sys\nfolder = pathlib.Path(sys.argv[sys.argv.index('--input') + 1])\n"
        "seen = [str(folder), folder.is_dir(), (folder / 'oci-layout').exists(), (folder / 'blobs/sha256').is_dir()]\n"
        f"pathlib.Path({str(tree / 'seen')!r}).write_text(json.dumps(seen))\nsys.exit(1)\n"
    )
    program("trivy", looks)
    with pytest.raises(CannotRun):
        run()
    folder, *seen = read_json("seen", "")
    assert ["build/oci", True, True, True] == [folder, *seen]


def test_findings_and_sbom_name_no_folder_that_changes(trivy):
    """Code scanning would take each release's for new ones; and it is gone afterwards."""
    run()
    assert "build/oci" == following(trivy()[0], "--input")
    assert not Path("build/oci").exists()


def test_the_image_that_was_built_is_scanned_and_no_other(trivy):
    """What is signed later is held against what was scanned."""
    digest = archive(Path(IMAGE), {"a": "b"})
    assert 0 == run("--digest", digest)
    assert {"digest": digest} == read_json(SCANNED, "")
    with pytest.raises(CannotRun, match="was built: this is another image"):
        run("--digest", f"sha256:{'1' * 64}")


def test_a_base_without_advisories_is_no_clean_one(writes):
    """Nothing is known of its holes."""
    system = {"Family": "debian", "Name": "10.13"}
    writes({"Results": [BASE, PYTHON], "Metadata": {"OS": system}})
    assert 0 == run()
    writes({"Results": [BASE, PYTHON], "Metadata": {"OS": system | {"EOSL": True}}})
    with pytest.raises(CannotRun, match=r"nobody writes advisories for debian 10\.13 any more"):
        run()


def test_trivy_inherits_no_token_and_no_empty_mirror(tree, program, monkeypatch):
    """It is other people's program; a mirror that is named is passed on."""
    for name, value in {"GITHUB_TOKEN": "secret", "REGISTRY_TOKEN": "secret", "TRIVY_DB_REPOSITORY": ""}.items():
        monkeypatch.setenv(name, value)
    assert not {"GITHUB_TOKEN", "REGISTRY_TOKEN", "TRIVY_DB_REPOSITORY"} & scan.environment().keys()
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", "mirror/db")
    assert "mirror/db" == scan.environment()["TRIVY_DB_REPOSITORY"]


def test_sbom_and_sarif_are_made_of_the_same_report(trivy):
    """No second look, which might see something else."""
    run()
    assert [["convert", "cyclonedx", SCAN], ["convert", "sarif", SCAN]] == [
        [words[0], following(words, "--format"), words[-1]] for words in trivy()[1:]
    ]


def test_without_its_database_trivy_has_not_looked(trivy, monkeypatch):
    """Its own words, and what may help; no report is left that could be taken for one."""
    monkeypatch.setenv("TRIVY_FINDS", "no database")
    said = r"image could not look \(FATAL\tinit error: DB error: failed .*no such host\): nothing is let through.*TRIVY_DB_REPOS"
    with pytest.raises(CannotRun, match=said):
        run()
    assert [] == [*Path("build/scan").iterdir()]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], "none of Python's packages and the base's packages"),
        (None, "none of Python's packages and the base's packages"),
        ([BASE], "none of Python's packages in"),
        ([PYTHON], "none of the base's packages in"),
        ([BASE, PYTHON | {"Packages": []}], "none of Python's packages in"),
        ([BASE | {"Packages": None}, PYTHON], "none of the base's packages in"),
    ],
)
def test_a_report_that_saw_no_packages_is_no_scan(writes, results, said):
    """An image of ours has both kinds; no SBOM is made of it."""
    writes({"Results": results})
    with pytest.raises(CannotRun, match=f"trivy saw {said}.*: this is no scan of it"):
        run()
    assert not Path(SBOM).exists()


def test_a_report_that_saw_both_is_one(writes):
    """The pair of the test above."""
    writes({"Results": [BASE, PYTHON]})
    assert 0 == run()


@pytest.mark.parametrize("text", ["", "[]", "null", "<html>", '{"Results": ['])
def test_what_is_no_report_is_no_scan(writes, text):
    """Though trivy ends well."""
    writes(text)
    with pytest.raises(CannotRun, match=r"image could not look \(no reason given\): nothing is let through"):
        run()


def test_a_report_that_is_not_written_is_no_scan(tree, program):
    """Nor is an old one taken for it."""
    write_json(SCAN, {"Results": [BASE, PYTHON]})
    program("trivy", "")
    with pytest.raises(CannotRun, match="could not look"):
        run()


@pytest.mark.parametrize("words", [[], ["--config"]])
def test_without_trivy_nothing_is_scanned(tree, nothing_installed, monkeypatch, words):
    """It is named."""
    monkeypatch.setattr(scan, "rendered", lambda _: [])
    write_text("Dockerfile", "FROM scratch\n")
    with pytest.raises(CannotRun, match="trivy is not installed here"):
        run(*words)


def test_an_archive_that_was_tampered_with_is_not_scanned(trivy):
    """What trivy would look at is not what its digest says."""
    with tarfile.open(IMAGE) as file:
        held = {member.name: file.extractfile(member).read() for member in file}
    with tarfile.open(IMAGE, "w") as file:
        for name, data in held.items():
            Path("part").write_bytes(data.replace(b"amd64", b"arm64"))
            file.add("part", name)
    with pytest.raises(CannotRun, match="is no OCI archive of one image"):
        run()
    assert [] == trivy()


def test_another_archive_may_be_named(trivy):
    """As one on a laptop."""
    Path(IMAGE).rename("other.tar")
    assert 0 == run("--archive", "other.tar")
    with pytest.raises(CannotRun, match="is no OCI archive of one image"):
        run()


@pytest.mark.parametrize("days", [-1, 0, 90])
def test_what_is_let_pass_has_a_reason_and_a_day(tree, days):
    """90 days ahead at most; what has expired trivy itself lets pass no longer."""
    ignored(**ENTRY | {"expired_at": TODAY + timedelta(days=days), "paths": ["a"], "purls": ["pkg:pypi/x"]})
    assert scan.bounded(TODAY) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"statement": None}, r"'vulnerabilities\.0\.statement' is None"),
        ({"statement": "because"}, "at least 10 characters"),
        ({"expired_at": None}, r"'vulnerabilities\.0\.expired_at' is None"),
        ({"expired_at": "some day"}, r"'vulnerabilities\.0\.expired_at' is 'some day'"),
        ({"expired_at": TODAY + timedelta(days=91)}, "let pass until 2026-12-01, longer than 90 days: .* up to 2026-11-30"),
        ({"reason": "none"}, r"unknown key 'vulnerabilities\.0\.reason'"),
        ({"id": None}, r"'vulnerabilities\.0\.id' is None"),
    ],
)  # fmt: skip
def test_what_is_let_pass_for_nothing_or_for_ever_is_refused(tree, change, said):
    """The sentence names the entry and the key."""
    ignored(**ENTRY | change)
    with pytest.raises(CannotRun, match=said):
        scan.bounded(TODAY)


@pytest.mark.parametrize("key", ["statement", "expired_at"])
def test_what_is_let_pass_without_a_reason_or_a_day_is_refused(tree, key):
    """Both are required."""
    ignored(**{name: value for name, value in ENTRY.items() if name != key})
    with pytest.raises(CannotRun, match=rf"'vulnerabilities\.0\.{key}' is missing; it is required"):
        scan.bounded(TODAY)


def test_manifests_are_bounded_too(tree):
    """A misconfiguration is let pass like a hole."""
    late = ENTRY | {"id": "KSV-0001", "expired_at": TODAY + timedelta(days=91)}
    write_text(".trivyignore.yaml", yaml.safe_dump({"misconfigurations": [late]}))
    with pytest.raises(CannotRun, match="KSV-0001 is let pass until"):
        scan.bounded(TODAY)


@pytest.mark.parametrize("words", [[], ["--config"]])
def test_nothing_is_scanned_before_what_is_let_pass_is_right(trivy, words):
    """Either kind of scan reads it; without the file neither is done."""
    ignored(**ENTRY | {"expired_at": date.today() + timedelta(days=400)})
    with pytest.raises(CannotRun, match="longer than 90 days"):
        run(*words)
    Path(".trivyignore.yaml").unlink()
    with pytest.raises(CannotRun, match=r"\.trivyignore\.yaml is not there"):
        run(*words)
    assert [] == trivy()


def test_what_this_repository_lets_pass_is_right():
    """Its own file."""
    assert scan.bounded(root=ROOT) is None


def test_dockerfile_and_manifests_are_looked_at_as_they_are_rendered(tree, trivy, monkeypatch, capsys):
    """This repository's own, each environment in one file; by the checks that are in the binary."""
    if not renderer():
        pytest.skip("needs kustomize or kubectl; CI has them")
    monkeypatch.chdir(ROOT)
    assert 0 == run("--config")
    assert "scan of the Dockerfile and manifests: nothing found\n" == capsys.readouterr().out
    (words,) = trivy()
    assert "config" == words[0]
    wanted = {"--severity": "HIGH,CRITICAL", "--ignorefile": ".trivyignore.yaml", "--format": "json"}
    assert wanted == {name: following(words, name) for name in wanted}
    assert "--skip-check-update" in words


def test_what_is_looked_at_is_a_dockerfile_and_a_file_an_environment(tree, writes, program, monkeypatch):
    """Its objects are all in it."""
    monkeypatch.setattr(scan, "rendered", lambda folder: [{"kind": "A", "of": str(folder)}, {"kind": "B"}])
    write_text("Dockerfile", "FROM scratch\n")
    for name in ("dev", "prod"):
        write_text(f"manifests/overlays/{name}/kustomization.yaml", "")
    program(
        "trivy",
        "import json, pathlib, sys\nheld = {p.name: p.read_text() for p in pathlib.Path(sys.argv[-1]).glob('*') if p.is_file()}\n"
        f"pathlib.Path({str(tree / 'seen')!r}).write_text(json.dumps(held))\n"
        "pathlib.Path(sys.argv[sys.argv.index('--output') + 1]).write_text(json.dumps({'Results': [{'Target': n} for n in held]}))\n",
    )
    assert 0 == run("--config")
    seen = read_json("seen", "")
    assert "FROM scratch\n" == seen["Dockerfile"]
    assert [{"kind": "A", "of": "manifests/overlays/prod"}, {"kind": "B"}] == [*yaml.safe_load_all(seen["prod.yaml"])]
    assert {"Dockerfile", "dev.yaml", "prod.yaml"} == seen.keys()


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([{"Target": "prod.yaml", "Misconfigurations": None}], 0),
        ([{"Target": "prod.yaml", "Misconfigurations": [{"Status": "PASS"}]}], 0),
        ([{"Target": "prod.yaml", "Misconfigurations": [{"Status": "FAIL"}]}], 1),
        ([{"Target": "prod.yaml", "Misconfigurations": [{}]}], 1),
    ],
)
def test_a_misconfiguration_is_found_where_a_check_failed(tree, writes, monkeypatch, capsys, results, code):
    """With the file, the check and its words."""
    about = {"ID": "KSV-0014", "Severity": "HIGH", "Message": "root is writable"}
    for each in results[0]["Misconfigurations"] or []:
        each |= about
    monkeypatch.setattr(scan, "rendered", lambda _: [])
    write_text("Dockerfile", "FROM scratch\n")
    write_text("manifests/overlays/prod/kustomization.yaml", "")
    writes({"Results": SEEN + results})
    assert code == run("--config")
    assert ("scan: prod.yaml: KSV-0014 HIGH root is writable\n" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(
    ("results", "said"),
    [(None, "Dockerfile, prod.yaml"), (SEEN, "prod.yaml"), ([{"Target": "prod.yaml"}], "Dockerfile")],
)
def test_a_look_at_nothing_is_no_scan(tree, writes, monkeypatch, results, said):
    """Trivy recognised no Dockerfile, or not every environment's manifests."""
    monkeypatch.setattr(scan, "rendered", lambda _: [])
    write_text("Dockerfile", "FROM scratch\n")
    write_text("manifests/overlays/prod/kustomization.yaml", "")
    writes({"Results": results})
    with pytest.raises(CannotRun, match=f"trivy did not look at {said}: this is no scan of it"):
        run("--config")

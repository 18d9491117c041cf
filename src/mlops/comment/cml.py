"""CML as the way a comment travels, and `mlops pin-cml`, which keeps the sha256 of its release binary in git.

Its program runs only where its bytes are the pinned ones: it sees a token that may write to pull requests.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from mlops.errors import CannotRun
from mlops.github import GitHub

VERSION, ASSET = "0.20.6", "cml-linux-x64"
PIN = Path(".github/cml.sha256")
TITLE = "mlops-verdict"
SEEN = 30  # CML reads one page of comments, the oldest
# Nothing else of the job's environment is its business; a CML_* variable would change what it does.
PASSED = ("PATH", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_RUN_ID")
PASSED += ("GITHUB_API_URL", "GITHUB_WORKFLOW", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")


def add_arguments(parser):
    """Where the hash is kept."""
    parser.add_argument("--out", type=Path, default=PIN, help="the file that keeps the sha256")


def run(args) -> int:
    """Downloads CML's release binary once and writes its sha256, to be read and committed by a person."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["gh", "release", "download", VERSION, "--repo", "iterative/cml", "--pattern", ASSET, "--dir", folder]
        try:
            subprocess.run(command, check=True, timeout=600)
            digest = hashlib.sha256((Path(folder) / ASSET).read_bytes()).hexdigest()
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotRun(f"CML {VERSION} was not downloaded ({error}): install gh and log in.") from None
    args.out.write_text(f"{digest}  {ASSET}\n", encoding="utf-8")
    print(f"{args.out} now names CML {VERSION} as {digest}: look at the diff, then commit it.")
    return 0


def pinned_program(program: Path | None, pin: Path) -> tuple[bytes, str]:
    """The bytes of `program` where they are the pinned ones; else no bytes, and why."""
    if not pin.is_file():
        return b"", f"{pin} is not there (`make pin-cml` writes it)"
    if program is None or not program.is_file():
        return b"", "CML is not there"
    data = program.read_bytes()
    found, expected = hashlib.sha256(data).hexdigest(), (pin.read_text(encoding="utf-8").split() or ["nothing"])[0]
    return (data, "") if found == expected else (b"", f"CML's sha256 is {found}, and {pin} says {expected}")


def update_comment(program: bytes, hub: GitHub, number: int, text: str, server: str) -> bool:
    """Lets CML create or update the comment; False where it failed, or took longer than two minutes."""
    with tempfile.TemporaryDirectory() as home:
        binary, file = Path(home) / "cml", Path(home) / "comment.md"
        binary.write_bytes(program)  # a copy: what runs is what was hashed
        binary.chmod(0o700)
        file.write_text(text, encoding="utf-8")
        command = [binary, "comment", "update", f"--target=pr/{number}", "--publish=false"]
        command += [f"--watermark-title={TITLE}", f"--repo={server}/{hub.repository}", file]
        env = {name: os.environ[name] for name in PASSED if name in os.environ}
        # HOME: CML writes safe.directory=* to the global git configuration; it goes away with the folder.
        env |= {"HOME": home, "REPO_TOKEN": hub.token, "ITERATIVE_DO_NOT_TRACK": "1"}
        try:
            return subprocess.run(command, env=env, timeout=120, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

"""A real PostgreSQL of a test's own."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/usr/bin"))


class Server:
    """PostgreSQL in a folder of its own, reached by a socket there; root hands it to the user `postgres`."""

    def __init__(self, folder: Path):
        self.folder, self.url = folder, f"postgresql://postgres@/postgres?host={folder}"
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        self("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres")

    def __call__(self, program: str, *words: str) -> None:
        """Run one of its programs."""
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        subprocess.run([*as_user, str(PROGRAMS / program), *words], check=True, capture_output=True, cwd=self.folder)

    def start(self) -> "Server":
        """Listen on the socket alone."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start")
        return self

    def stop(self) -> None:
        """End at once, as a machine does that fails."""
        self("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")

    def rows(self, query: str) -> list[tuple]:
        """What a reader finds."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

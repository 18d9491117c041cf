"""Rows a second that each sink of the prediction log writes, in the batches of the writer. Needs PostgreSQL's programs.

Run: .venv/bin/python benchmarks/sinks.py > /dev/null (figures go to standard error: standard output is one of the sinks)
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from mlops import contract
from mlops.onnx_model import Model
from mlops.serve.entry import Asked, Entry
from mlops.serve.log import BATCH
from mlops.serve.record import unfolder
from mlops.serve.scorer import Scorer
from mlops.serve.sinks import sink
from postgres import Server

WRITES = 100


def main() -> None:
    """Print one line a sink."""
    scorer = Scorer(Model.read(), contract.read(), 1000)
    values = tuple([scorer.example.get(name)] * BATCH for name in scorer.rows.columns)
    unfold = unfolder(scorer)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder)).start()
        for address in ("stdout", f"sqlite:///{folder}.db", server.url):
            found = sink(address)
            start = time.perf_counter()
            for turn in range(WRITES):
                asked = Asked(f"{start}-{turn}", "none", None, 0.0)
                found.write([*unfold(Entry(time.time(), asked, values, [0.5] * BATCH, [True] * BATCH, None, 1.0))])
            rate = WRITES * BATCH / (time.perf_counter() - start)
            found.close()
            print(f"{address.partition(':')[0]:<12} {rate:>9,.0f} rows/s", file=sys.stderr)
        server.stop()
        Path(f"{folder}.db").unlink()


if __name__ == "__main__":
    main()

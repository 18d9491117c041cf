"""The service: a FastAPI app, before which the two prediction paths are answered. Run: python -m mlops.serve.

FastAPI's middleware and router cost more than all the rest of a prediction, so these paths do not go through them.
"""

import gc
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from mlops import contract
from mlops.config import load
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.onnx_model import Model
from mlops.serve import predict, record, sinks
from mlops.serve.document import document
from mlops.serve.endpoint import endpoint
from mlops.serve.log import PredictionLog
from mlops.serve.metrics import SHARES, Metrics
from mlops.serve.page import page
from mlops.serve.scorer import Scorer
from mlops.serve.settings import Settings
from mlops.serve.state import State

ROW = 131_072  # bytes of a single row's body
logger = logging.getLogger("mlops.serve")


class Service(FastAPI):
    """FastAPI, with paths that are answered before it looks at them.

    Attributes: fast {path: ASGI function} of POST.
    """

    fast: dict[str, Callable] = {}

    async def __call__(self, scope, receive, send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] == "POST" and (found := self.fast.get(scope["path"])):
            await found(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def service(settings: Settings) -> Service:
    """Return the app of the model that `settings` name; raises CannotRun where it cannot serve."""
    model, table = Model.read(settings.model_file), load(settings.contract_file, contract.Contract)
    data_hash = _data_hash(settings, model)
    scorer, state = Scorer(model, table, settings.max_rows), State(settings)
    metrics = Metrics(model.hash, _edges(table))
    log = PredictionLog(sinks.sink(settings.prediction_log), settings.log_rows, record.unfolder(scorer))
    if settings.prediction_log != "off":
        metrics.watch(log)
    app = Service(
        title=f"{table.table}: {table.target}",
        version=model.hash[:12],
        lifespan=_lifespan(scorer, log, state),
        docs_url="/docs",
        redirect_slashes=False,
    )
    app.state.service, app.state.log = state, log
    app.fast = {
        "/predict": endpoint(predict.row(scorer, metrics, log), metrics, state, min(ROW, settings.max_body)),
        "/predict-batch": endpoint(predict.batch(scorer, metrics, log), metrics, state, settings.max_body),
    }
    app.router.routes += [
        Route(path, _Asgi(called), methods=["POST"]) for path, called in app.fast.items()
    ]  # GET is 405
    about = {
        "model_hash": model.hash, "data_hash": data_hash, "commit": settings.git_commit, "image": settings.image_digest,
        "table": table.table, "task": table.task, "target": table.target,
        "positive": table.positive, "threshold": model.threshold if table.task == "binary" else None,
    }  # fmt: skip
    _plain_paths(app, scorer, metrics, state, about)
    plain = app.openapi
    app.openapi = lambda: document(plain(), scorer)
    return app


class _Asgi:
    """An ASGI function as an object: Starlette takes a function for one of a request."""

    def __init__(self, called: Callable):
        self.called = called

    async def __call__(self, scope, receive, send) -> None:
        """Answer a request."""
        await self.called(scope, receive, send)


def _data_hash(settings: Settings, model: Model) -> str | None:
    """Return what metrics.json says of the data; raises CannotRun where it is of another model: what was reviewed is what serves."""
    name = settings.metrics_file
    if not Path(name).exists():
        return None
    metrics = read_json(name, "run `make train` first")
    if metrics.get("model_hash") != model.hash:
        raise CannotRun(
            f"{name} is of model {str(metrics.get('model_hash'))[:12]}, {settings.model_file} is {model.hash[:12]}: "
            "run `make train`, and serve what was judged"
        )
    return metrics.get("data_hash")


def _edges(table: contract.Contract) -> tuple[float, ...]:
    """Return the edges of the histogram of scores: tenths; of a number those of its range."""
    if table.task != "regression":
        return SHARES
    column = table.columns[table.target]
    low, high = (0.0 if column.min is None else column.min), (1.0 if column.max is None else column.max)
    return tuple(low + (high - low) * share for share in SHARES) if high > low else (low,)


def _lifespan(scorer: Scorer, log: PredictionLog, state: State):
    @asynccontextmanager
    async def lifespan(app):
        scorer.warm()
        log.start()
        gc.freeze()  # what is there stays: a collection need not look at it again
        state.started = True
        logger.info("serving model %s", scorer.model.hash[:12])
        yield
        state.draining = True
        log.close()

    return lifespan


def _plain_paths(app: Service, scorer: Scorer, metrics: Metrics, state: State, about: dict) -> None:
    """Add the paths that need not be fast."""

    @app.get("/health", tags=["state"])
    async def health() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok"}

    @app.get("/startup", tags=["state"], responses={503: {"description": "Not yet"}})
    async def startup() -> JSONResponse:
        """Whether the model is loaded and warm."""
        return _yes(state.started, "started")

    @app.get("/ready", tags=["state"], responses={503: {"description": "Send requests elsewhere"}})
    async def ready() -> JSONResponse:
        """Whether requests should be sent here: not before the start, and not after SIGTERM."""
        return _yes(state.ready, "ready")

    @app.get("/version", tags=["state"])
    async def version() -> dict:
        """What is served: model hash, data hash, commit, image."""
        return about

    @app.get("/metrics", tags=["state"], response_class=Response)
    async def prometheus() -> Response:
        """The metrics, as Prometheus reads them."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    text, headers = page(scorer, about)

    @app.get("/", include_in_schema=False)
    async def form() -> HTMLResponse:
        return HTMLResponse(text, headers=headers)


def _yes(is_so: bool, word: str) -> JSONResponse:
    return JSONResponse({"status": word if is_so else f"not {word}"}, 200 if is_so else 503)

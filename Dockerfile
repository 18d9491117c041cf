# The service and one model. Build: make image. BASE is pinned by digest; a mirror of the same bytes may stand in for it.
ARG BASE=docker.io/library/python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254

FROM ${BASE} AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app/.venv UV_PYTHON=python3
RUN python3 -m venv /uv && /uv/bin/pip install --quiet --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --frozen --quiet --no-default-groups --group serve --no-install-project
# What a service never imports: a third of the size.
RUN cd .venv/lib/python3*/site-packages && find . -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets numpy/f2py numpy/doc \
    && find uvloop httptools \( -name '*.pyx' -o -name '*.c' -o -name '*.pxd' \) -delete
COPY src/mlops src/mlops
RUN python3 -m compileall -q --invalidation-mode unchecked-hash src

FROM ${BASE}
ARG GIT_COMMIT MODEL_HASH DATA_HASH
LABEL org.opencontainers.image.revision=${GIT_COMMIT} mlops.model-hash=${MODEL_HASH} mlops.data-hash=${DATA_HASH}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app
COPY --from=build /app /app
COPY data/contract.yaml /app/data/
COPY models/model.onnx /app/models/
COPY metrics.json /app/
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app/src PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 GIT_COMMIT=${GIT_COMMIT}
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["python", "-m", "mlops.serve"]

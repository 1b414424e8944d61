# Google Cloud on one machine: the emulators, and the jobs that the Dataflow emulator runs.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG UV_VERSION=0.13.9
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==${UV_VERSION}
COPY requirements/beam.txt requirements/emulators.txt /tmp/
RUN python -m venv --without-pip /opt/venv \
    && VIRTUAL_ENV=/opt/venv /opt/uv/bin/uv pip install --no-cache --require-hashes --compile-bytecode \
        --requirement /tmp/beam.txt --requirement /tmp/emulators.txt

FROM ${PYTHON_IMAGE}
# Each service's volume begins with the folder of its name: the volume belongs to the user then. A tmpfs that is mounted
# over a folder takes its mode (podman).
RUN useradd --uid 1000 --gid 0 --home-dir /var/lib/logline --no-create-home --shell /usr/sbin/nologin logline \
    && install --directory --owner=1000 --group=0 --mode=1777 /var/cache/logline \
    && install --directory --owner=1000 --group=0 /var/lib/logline \
        /var/lib/logline/storage /var/lib/logline/bigquery /var/lib/logline/pubsub /var/lib/logline/dataflow
COPY --from=packages /opt/venv /opt/venv
COPY docker/listens.py /opt/logline/docker/
COPY beam_jobs /opt/logline/beam_jobs
COPY emulators /opt/logline/emulators
COPY logline_cli /opt/logline/logline_cli
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONPATH=/opt/logline \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/logline
WORKDIR /var/lib/logline
USER 1000
ENTRYPOINT ["python", "-m"]
CMD ["emulators.storage", "--help"]

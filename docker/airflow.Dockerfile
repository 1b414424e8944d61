# Airflow with the DAGs, the plugin and the Google provider; no Beam: jobs are launched as Flex Templates over REST.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG UV_VERSION=0.13.9
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==${UV_VERSION}
COPY requirements/airflow.txt /tmp/requirements.txt
# The lock is complete; what it leaves out on purpose (requirements/airflow-overrides.txt) is not to be resolved again.
RUN python -m venv --without-pip /opt/venv \
    && VIRTUAL_ENV=/opt/venv /opt/uv/bin/uv pip install --no-cache --no-deps --require-hashes --compile-bytecode \
        --requirement /tmp/requirements.txt

FROM ${PYTHON_IMAGE}
# A tmpfs that is mounted over a folder takes its mode (podman).
RUN useradd --uid 1000 --gid 0 --home-dir /opt/airflow --no-create-home --shell /usr/sbin/nologin airflow \
    && install --directory --owner=1000 --group=0 --mode=1777 /opt/airflow \
    && install --directory --owner=1000 --group=0 /opt/airflow/logs
COPY --from=packages /opt/venv /opt/venv
COPY docker/airflow_entrypoint.py docker/airflow_health.py /opt/logline/docker/
COPY local_stack/airflow/airflow_local_settings.py /opt/logline/config/
COPY emulators/guard/authorized_user.py /opt/logline/config/emulators/guard/
COPY plugins /opt/logline/plugins
COPY dags /opt/logline/dags
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONPATH=/opt/logline/config \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/logline/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/logline/plugins
WORKDIR /opt/airflow
USER 1000
EXPOSE 8080
ENTRYPOINT ["python", "/opt/logline/docker/airflow_entrypoint.py"]
CMD ["api-server"]

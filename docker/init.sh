#!/usr/bin/env bash
# Makes ready what the services expect: both databases migrated, the administrator, the Reviewer role, the pools, the
# bucket. Every line may run again; compose runs it at each `up`.
set -euo pipefail

airflow db migrate
python -m catalog migrate

airflow users create --role Admin --username "$AIRFLOW_ADMIN_USER" --password "$AIRFLOW_ADMIN_PASSWORD" \
  --firstname Faceloop --lastname Administrator --email admin@localhost

# A reviewer is a User who may also see plugin pages in the navigation; FAB's own User may not.
airflow roles create Reviewer
airflow roles add-perms Reviewer --action can_read --resource Plugins
airflow roles add-perms Reviewer --action menu_access --resource Plugins

airflow pools import /opt/faceloop/dags/pools.json

python - <<'PYTHON'
"""Make the bucket of FACELOOP_STORE unless it is there."""
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from catalog import settings

bucket = urlsplit(settings().store_url).netloc
client = boto3.client("s3")
try:
    client.head_bucket(Bucket=bucket)
except ClientError as error:
    if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
        raise
    client.create_bucket(Bucket=bucket)
print(f"bucket {bucket} is there")
PYTHON

#!/usr/bin/env bash
# Runs once, when PostgreSQL's volume is empty: two roles and two databases, neither of which can read the other.
# Airflow's database may be cleaned or made anew; people's decisions live in faceloop's.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=airflow_password="$AIRFLOW_DB_PASSWORD" --set=faceloop_password="$CATALOG_DB_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE faceloop LOGIN PASSWORD :'faceloop_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE faceloop OWNER faceloop;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
REVOKE CONNECT ON DATABASE faceloop FROM PUBLIC;
SQL

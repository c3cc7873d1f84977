"""Airflow's home for these tests, set before anything imports Airflow: it writes a configuration there."""

from __future__ import annotations

import os
import tempfile

_HOME = tempfile.TemporaryDirectory(prefix="airflow-")
os.environ["AIRFLOW_HOME"] = _HOME.name  # not that of a process that started this one
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

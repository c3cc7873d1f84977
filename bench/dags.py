"""How long each DAG file takes to parse, in a process that has Airflow imported: the median of several, as JSON.

``make bench-dags``. Each reading is a new process: what a file imports is paid for once per process, and the first
file to import a package pays for it, so each file is read in a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMES = 5

READ = """
import sys, time
import airflow.sdk, airflow.dag_processing.dagbag, airflow.providers.standard.operators.bash
sys.path[:0] = [sys.argv[2], sys.argv[3]]
began = time.perf_counter()
bag = airflow.dag_processing.dagbag.DagBag(dag_folder=sys.argv[1])
print("SECONDS", time.perf_counter() - began, len(bag.dags), len(bag.import_errors))
"""


def seconds(path: Path, environment: dict[str, str]) -> float:
    """One reading; SystemExit when the file does not parse."""
    command = [sys.executable, "-c", READ, str(path), str(ROOT / "plugins"), str(ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    line = next(line for line in done.stdout.splitlines() if line.startswith("SECONDS")).split()
    if line[3] != "0" or line[2] == "0":
        raise SystemExit(f"{path.name} does not parse")
    return float(line[1])


def main() -> None:
    """Read every file several times and print the medians."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "AIRFLOW_HOME": home,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "FACELOOP_HOME": home,
        }
        medians = {
            path.name: round(statistics.median(seconds(path, environment) for _ in range(TIMES)), 3)
            for path in sorted((ROOT / "dags").glob("*.py"))
        }
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(json.dumps({"seconds": medians, "times": TIMES, "load": round(load, 1), "cores": cores}))


if __name__ == "__main__":
    main()

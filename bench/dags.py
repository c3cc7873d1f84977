"""How long each DAG file takes to parse, in a process that has Airflow imported: the median of several, as JSON.

``make bench-dags``. Each reading is a new process: what a file imports is paid for once per process, and the first
file to import a package pays for it, so each file is read in a process of its own. What every DAG file of any project
needs (Airflow's SDK with its decorators) is imported before the clock starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
TIMES = 5

READ = """
import sys, time
import airflow.dag_processing.dagbag, airflow.providers.standard.operators.bash
from airflow.sdk import dag, task
sys.path[:0] = [sys.argv[2], sys.argv[3]]
began, worked = time.perf_counter(), time.process_time()
bag = airflow.dag_processing.dagbag.DagBag(dag_folder=sys.argv[1])
wall, cpu = time.perf_counter() - began, time.process_time() - worked
print("SECONDS", wall, cpu, len(bag.dags), len(bag.import_errors))
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What parsing one file took: on the clock, and of the processor (which a busy machine does not lengthen)."""

    wall: float
    cpu: float


def read(path: Path, environment: dict[str, str]) -> Reading:
    """One reading; SystemExit when the file does not parse."""
    command = [sys.executable, "-c", READ, str(path), str(ROOT / "plugins"), str(ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    line = next(line for line in done.stdout.splitlines() if line.startswith("SECONDS"))
    _, wall, cpu, dags, errors = line.split()
    if errors != "0" or dags == "0":
        raise SystemExit(f"{path.name} does not parse")
    return Reading(float(wall), float(cpu))


def main() -> None:
    """Read every file several times and print the medians, in seconds."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "AIRFLOW_HOME": home,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "FACELOOP_HOME": home,
        }
        readings = {
            path.name: [read(path, environment) for _ in range(TIMES)] for path in sorted((ROOT / "dags").glob("*.py"))
        }
    told = {
        "wall": {name: round(median(reading.wall for reading in times), 3) for name, times in readings.items()},
        "cpu": {name: round(median(reading.cpu for reading in times), 3) for name, times in readings.items()},
        "times": TIMES,
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""The platform on one machine: stand-ins for the outside world, and Airflow with the project's own DAGs and plugins.

What differs from a deployment is written here and nowhere else: sizes, passwords, and a proxy that answers for the
outside world.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from catalog import Catalog
from demo.airflow_api import ENDED, Airflow, wait_until
from demo.internet.instagram import ACCOUNT, PASSWORD
from demo.internet.world import World, write_folder
from demo.portraits import DOMAINS, Truth
from demo.processes import Processes

ROOT = Path(__file__).resolve().parent.parent
COLLECT = (
    "collect_commons",
    "collect_folder",
    "collect_google",
    "collect_instagram",
    "collect_openverse",
    "collect_twitter",
)
#: The sources that have something in the demo's world; what the others would bring, a person must name first.
SOURCES = tuple(dag.removeprefix("collect_") for dag in COLLECT)
DAGS = frozenset({*COLLECT, "watch_sources", "curate_photos", "retrain_model", "maintain_catalog"})

#: The demo's people: name -> Airflow role. A viewer may look at the desk, a user and above may decide.
PEOPLE = {"admin": "admin", "rita": "user", "vic": "viewer"}


@dataclass(frozen=True, slots=True)
class Size:
    """How large the demo's world is, and how little of it is enough for a training."""

    people: int = 60
    photos_per_source: int = 24
    folder_photos: int = 24
    retrain_min_faces: int = 24
    train_slice_steps: int = 20
    queries_per_run: int = 10


@dataclass(frozen=True, slots=True)
class Internet:
    """The running stand-ins, as they told it themselves when they were ready."""

    proxy: str
    ca: Path
    chromium_home: str


#: The queries of the demo besides the seed file: accounts that exist in its world, and the drive's two folders.
SEEDS = """
- {{source: instagram, domain: bare, text: "@barefaced.daily"}}
- {{source: instagram, domain: makeup, text: "@glam.portraits"}}
- {{source: folder, domain: bare, text: {bare}, licence: CC0-1.0 (drawn)}}
- {{source: folder, domain: makeup, text: {makeup}, licence: CC0-1.0 (drawn)}}
"""

#: A few queries for the planner to make; all of the repository's templates would keep this machine busy for an hour.
TEMPLATES = """
- language: en
  sources: [google, openverse, commons]
  text: "{subject} {style} {shot}"
  subjects: {woman: woman}
  styles: {bare: {natural: natural face}, makeup: {glam: glam makeup}}
  shots: [portrait]
"""


class Stack:
    """The whole demo under one folder. Start it inside a ``Processes`` block, which stops it."""

    def __init__(self, home: Path, *, size: Size | None = None) -> None:
        self.home = home.absolute()
        self.size = size or Size()
        self.port = _free_port(8080)
        self.url = f"http://127.0.0.1:{self.port}"
        self.passwords = self._passwords()
        self.folder: dict[Path, Truth] = {}
        self.processes = Processes(logs=self.home / "logs", environment=self._environment())

    def start(self) -> Airflow:
        """Start everything, wait until all of it is healthy, and sign in as the admin."""
        self.folder = self._photos()
        internet = self._internet()
        self.processes.environment |= {
            "FACELOOP_PROXY": internet.proxy,
            "FACELOOP_PROXY_CA": str(internet.ca),
            "FACELOOP_CHROMIUM_HOME": internet.chromium_home,
        }
        python = sys.executable
        Catalog(self.database_url).close()  # before many processes open it: one brings it up to date
        self.processes.run("migrate", [python, "-m", "airflow", "db", "migrate"], seconds=300)
        pools = [python, "-m", "airflow", "pools", "import", str(ROOT / "dags" / "pools.json")]
        self.processes.run("pools", pools, seconds=300)
        self.processes.start("api-server", [python, "-m", "airflow", "api-server", "--host", "127.0.0.1"])
        self.processes.start("dag-processor", [python, "-m", "airflow", "dag-processor"])
        # --skip-serve-logs: those servers bind every address of the machine; here the logs are read from the disk.
        self.processes.start("triggerer", [python, "-m", "airflow", "triggerer", "--skip-serve-logs"])
        airflow = Airflow(self.url)
        wait_until(airflow.answers, seconds=300, what="Airflow's API server", check=self.processes.check)
        # The scheduler comes last: each task that it starts asks the API server, and fails after a few refusals.
        self.processes.start("scheduler", [python, "-m", "airflow", "scheduler", "--skip-serve-logs"])
        wait_until(airflow.healthy, seconds=300, what="Airflow's health", check=self.processes.check)
        self.processes.check()  # somebody else's Airflow may have taken the port and be healthy in our server's stead
        airflow.sign_in("admin", self.passwords["admin"])
        wait_until(
            lambda: airflow.dags() >= DAGS,
            seconds=180,
            what=f"the DAGs {sorted(DAGS)}",
            check=lambda: self._parsed(airflow),
        )
        return airflow

    def collect(self, airflow: Airflow) -> None:
        """Set the collectors to work, unless Airflow's schedule has just done so."""
        for dag in COLLECT:
            if all(run.state in ENDED for run in airflow.runs(dag)):
                airflow.trigger(dag)

    def _parsed(self, airflow: Airflow) -> None:
        self.processes.check()
        errors = airflow.import_errors()
        if errors:
            raise RuntimeError(f"a DAG file cannot be parsed:\n{errors[0]}")

    @property
    def database_url(self) -> str:
        """The catalog's, for whoever follows the demo from outside Airflow."""
        return f"sqlite:///{self.home / 'faceloop' / 'catalog.db'}"

    def _photos(self) -> dict[Path, Truth]:
        """The drive: a folder of drawn photos for each domain, one of them a photo that is on the web too."""
        world = World(people=self.size.people, photos_per_source=self.size.photos_per_source)
        drawn: dict[Path, Truth] = {}
        for number, domain in enumerate(DOMAINS):
            drawn |= write_folder(
                self.home / "drive" / domain,
                domain=domain,
                photos=self.size.folder_photos // 2,
                first_person=5000 + 1000 * number,
                world=world,
            )
        drive = {domain: json.dumps(str(self.home / "drive" / domain)) for domain in DOMAINS}
        (self.home / "queries.yaml").write_text(SEEDS.format(**drive))
        (self.home / "templates.yaml").write_text(TEMPLATES)
        return drawn

    def _internet(self) -> Internet:
        state = self.home / "internet"
        ready = state / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "demo.internet", "--port", "0", "--state", str(state)]
        command += ["--people", str(self.size.people), "--photos-per-source", str(self.size.photos_per_source)]
        self.processes.start("internet", command)
        wait_until(ready.exists, seconds=120, what="the stand-ins", every=0.2, check=self.processes.check)
        told = json.loads(ready.read_text())
        return Internet(told["proxy_url"], Path(told["ca_path"]), told["chromium_home"])

    def _passwords(self) -> dict[str, str]:
        """The people's passwords: made up on the first start, kept for the next."""
        path = self.home / "airflow" / "passwords.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(json.dumps({name: secrets.token_urlsafe(9) for name in PEOPLE}))
        return dict(json.loads(path.read_text()))

    def _secret(self) -> str:
        path = self.home / "airflow" / "jwt_secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text()

    def _environment(self) -> dict[str, str]:
        airflow, secret = self.home / "airflow", self._secret()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FACELOOP_"))}
        return inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",
            "GX_ANALYTICS_ENABLED": "False",
            "FACELOOP_HOME": str(self.home / "faceloop"),
            "FACELOOP_RETRAIN_MIN_FACES": str(self.size.retrain_min_faces),
            # Each batch starts a retraining, and a handful of accounts and queries is all there is.
            "FACELOOP_RETRAIN_COOLDOWN_HOURS": "0",
            "FACELOOP_RETRAIN_SOURCE_SHARE": "1",
            "FACELOOP_RETRAIN_QUERY_SHARE": "1",
            "FACELOOP_RETRAIN_ACCOUNT_SHARE": "1",
            "FACELOOP_SPLIT_PEOPLE": "false",  # a network of photographed people takes drawn ones for each other
            # Among so few faces each batch is an unusual change; nobody would be there to sign off each model.
            "FACELOOP_SIGN_OFF_FRESH_FACES": "1",
            "FACELOOP_SIGN_OFF_BALANCE": "1",
            # A minute of tiny-64 paints no face that a floor could be kept by: it is judged against the champion alone.
            "FACELOOP_PROMOTION_POLICY": '{"floors": {"*": null}}',
            "FACELOOP_EXPORT_FORMATS": "torchscript",  # the quicker one
            "FACELOOP_TRAIN_PRESET": "tiny-64",
            "FACELOOP_TRAIN_SLICE_STEPS": str(self.size.train_slice_steps),
            "FACELOOP_CONTACT": "https://faceloop.example/demo",  # Commons asks for one
            "FACELOOP_INSTAGRAM_USER": ACCOUNT,
            "FACELOOP_INSTAGRAM_PASSWORD": PASSWORD,
            "FACELOOP_TWITTER_BEARER_TOKEN": "any-token-will-do",
            "FACELOOP_SEEDS": str(self.home / "queries.yaml"),
            "FACELOOP_TEMPLATES": str(self.home / "templates.yaml"),
            "FACELOOP_QUERIES_PER_RUN": str(self.size.queries_per_run),
            "FACELOOP_REVIEW_POLL_SECONDS": "2",
            "FACELOOP_FETCH_INTERVAL_SECONDS": "0",  # nobody is bothered: the hosts are ours
            "FACELOOP_PACE": "0",
            "AIRFLOW_HOME": str(airflow),
            # Five processes share this file, and on a busy machine a writer may have to wait longer than the usual 5 s.
            # Not much longer: Airflow's API server writes its audit log on the event loop, and a request that holds the
            # lock may be waiting for that loop; both are freed only when this wait ends (our client asks again).
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}?timeout=10",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in PEOPLE.items()),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secret,
            "AIRFLOW__API_AUTH__JWT_SECRET": secret,
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "1800",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "60",
        }


def _free_port(wished: int) -> int:
    """The wished port when nobody listens there, else any free one."""
    for port in (wished, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on loopback")

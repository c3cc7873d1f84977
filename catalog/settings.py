"""Every setting of Faceloop: read from the environment (prefix ``FACELOOP_``) or from ``.env``.

Each field's description is what ``.env.example`` says of it (``make docs`` writes that file from here).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What may differ between two installations; nothing else differs."""

    model_config = SettingsConfigDict(env_prefix="FACELOOP_", env_file=".env", extra="ignore")

    home: Path = Field(Path("var/faceloop"), description="Working files: session files, runs, reports.")
    database: str = Field(
        "",
        description="SQLAlchemy URL of the catalog: sqlite:///... or postgresql+psycopg://... "
        "Empty: catalog.db in the home folder.",
    )
    store: str = Field(
        "",
        description="Where blobs are kept: file:///... or s3://bucket/prefix. Empty: a folder in the home.",
    )
    retrain_min_faces: int = Field(20000, ge=1, description="Approved faces needed before a model is trained.")
    retrain_domain_share: float = Field(
        0.25,
        ge=0,
        le=0.5,
        description="Each domain (bare, makeup) must have this share of that number.",
    )
    retrain_fresh_faces: int = Field(
        500,
        ge=0,
        description="So many faces must be new since the last training that came to its end; or the share below, if "
        "that is fewer.",
    )
    retrain_fresh_share: float = Field(
        0.02, ge=0, le=1, description="Likewise, as a share of the faces of that training."
    )
    retrain_source_share: float = Field(
        0.6,
        ge=0,
        le=1,
        description="So much of FACELOOP_RETRAIN_MIN_FACES may come from one source, and no more is counted; 1: all of "
        "it, for whoever has one source only.",
    )
    retrain_query_share: float = Field(0.5, ge=0, le=1, description="Likewise from one query.")
    retrain_account_share: float = Field(
        0.05, ge=0, le=1, description="Likewise from one account or author, where they are known."
    )
    retrain_cooldown_hours: float = Field(
        20.0,
        ge=0,
        le=168,
        description="Shortest time between the starts of two trainings, in hours; doubled with each that failed since "
        "the last success, up to a week.",
    )
    retrain_waiting: int = Field(
        10_000, ge=0, description="More photos and faces than that may not wait for people when a training begins."
    )
    retrain_kappa: float = Field(
        0.4,
        ge=-1,
        le=1,
        description="How far two reviewers of the same subject must agree beyond chance (Fleiss' kappa), at the stage "
        "where they agree least; -1: as they like.",
    )
    retrain_kappa_pairs: int = Field(
        100, ge=1, description="Below so many subjects that two have looked at, that is noted and holds nothing up."
    )
    retrain_paused: str = Field(
        "", description="While there is a reason written here, no training begins; the gate tells it."
    )
    split_people: bool = Field(
        True,
        description="Whether faces are told apart by person before a snapshot, so that nobody is learned from and "
        "measured on. What is stored is a number for each face and nothing by which anybody could be found. Off: a "
        "face goes with its photo, its account and its page.",
    )
    gpu_lease_minutes: float = Field(
        120.0,
        gt=0,
        le=10_000,
        description="For how long the gate's yes keeps the GPU for its training, until that has begun, in minutes.",
    )
    train_preset: str = Field("paper-256", description="The preset of the nightly training.")
    train_slice_steps: int = Field(
        0,
        ge=0,
        description="Steps trained in one go before the run ends its turn; 0: until the preset's end.",
    )
    train_seed: int = Field(777, description="Seed of the nightly training.")
    train_on: str = Field(
        "local",
        pattern="^(local|ssh|kubernetes)$",
        description="Where it trains: local (a process on this machine), ssh (another one) or kubernetes (a job).",
    )
    train_poll_seconds: float = Field(
        10.0, gt=0, description="How often whoever waits for a training asks how it stands, in seconds."
    )
    stop_when: str = Field(
        "overfit > 0.9 for 5",
        description="Rules that end a training early, parted by semicolons (docs/training.md); the run is then done, "
        "and says why. Empty: only the preset's end does.",
    )
    train_patience_minutes: float = Field(
        30.0,
        ge=0,
        description="For how long a machine that trains may give no answer before its training counts as lost and is "
        "begun again from its newest save, in minutes.",
    )
    ssh_host: str = Field("", description="The machine of the runner ssh: name, user@name, or an alias of ssh_config.")
    ssh_port: int = Field(22, ge=1, le=65535, description="Its port.")
    ssh_key: str = Field("", description="File of the private key to use there; empty: what OpenSSH finds by itself.")
    ssh_known_hosts: str = Field(
        "", description="File with that machine's host key; empty: the user's. An unknown host is never taken."
    )
    ssh_folder: str = Field("faceloop", description="Folder there for code, faces and runs, made when it is missing.")
    ssh_python: str = Field(
        "python3", description="Python there, with what requirements.lock lists; relative to that folder or a command."
    )
    ssh_connect_seconds: int = Field(15, ge=1, description="Longest time for a connection, in seconds.")
    ssh_shared: bool = Field(
        False,
        description="Whether that machine reads our catalog and store by itself, by the .env in its folder; else it is "
        "sent the faces and asked for what it has saved.",
    )
    ssh_keep_faces: bool = Field(
        False, description="Whether faces that were sent there stay there after a training; else the next sends them."
    )
    ssh_up: str = Field(
        "",
        description="Command that starts that machine, run here before each training (words, no shell): gcloud compute "
        "instances start NAME, say. It must do no harm when the machine is up.",
    )
    ssh_down: str = Field(
        "",
        description="Command that stops it, run after each training, however it ended; tried again by "
        "`python -m training teardown` until it succeeds.",
    )
    ssh_up_seconds: int = Field(300, ge=0, description="Longest time until a started machine answers, in seconds.")
    kubernetes_image: str = Field(
        "", description="The trainer's image for the runner kubernetes, as docker/trainer.Dockerfile builds it."
    )
    kubernetes_namespace: str = Field("default", description="Namespace of its jobs.")
    kubernetes_context: str = Field("", description="Context of the kubeconfig; empty: the cluster we run in, or its.")
    kubernetes_secret: str = Field(
        "faceloop",
        description="Secret there whose entries become the pod's environment: FACELOOP_DATABASE, FACELOOP_STORE "
        "(s3://...) and what they need (AWS_..., WANDB_API_KEY).",
    )
    kubernetes_gpus: int = Field(1, ge=0, description="GPUs that a training asks for (nvidia.com/gpu); 0: none.")
    kubernetes_cpu: str = Field("4", description="Processors that it asks for.")
    kubernetes_memory: str = Field("32Gi", description="Memory that it asks for, and may use; /dev/shm counts.")
    kubernetes_disk: str = Field("100Gi", description="Disk that it may use, for packed pixels and checkpoints.")
    kubernetes_nodes: str = Field("{}", description="Labels that its node must have, as JSON.")
    kubernetes_grace_seconds: int = Field(
        600, ge=30, description="Time that a pod has to save when it is asked to end, in seconds."
    )
    kubernetes_hours: float = Field(
        72.0, gt=0, description="After so many hours a training is asked to save and end; the next attempt goes on."
    )
    sign_off_fresh_faces: float = Field(
        0.3,
        ge=0,
        le=1,
        description="When more than this share of a snapshot's faces is new to the champion, a person must sign off "
        "before a model that learned from them is promoted; 1: never.",
    )
    sign_off_balance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Likewise when a domain's share of the faces (bare, makeup) has moved by more than this since the "
        "champion's snapshot; 1: never.",
    )
    sign_off_days: float = Field(
        3.0,
        gt=0,
        description="After this long without an answer the sign-off fails and nothing is promoted, in days; the next "
        "retraining waits meanwhile.",
    )
    promotion_policy: str = Field(
        "{}",
        description="What a model must reach to be promoted, where it differs from training/release/policy.py, as "
        'JSON: {"floors": {"identity_kept": 0.9}, "slice_floors": {}, "margins": {"copy_rate": 0.01}, '
        '"slice_pairs": 50}; '
        "a floor of null does not count.",
    )
    export_formats: str = Field(
        "onnx,torchscript",
        pattern=r"^\s*((onnx|torchscript)\s*(,\s*(onnx|torchscript)\s*)*)?$",
        description="In which formats a champion is exported when it is promoted, comma separated; empty: in none.",
    )
    lease_seconds: int = Field(900, ge=1, description="After this long a dead worker's claim returns by itself.")

    seeds: str = Field(
        "", description="A seed file of queries (YAML) of your own, planned beside collectors/queries.yaml."
    )
    templates: str = Field("", description="A template file (YAML) of your own, in place of collectors/templates.yaml.")
    untried_share: float = Field(
        0.2, ge=0, le=1, description="Share of the queries made of templates that goes to arms never tried."
    )
    short_domain_share: float = Field(
        0.4, ge=0, le=1, description="Share of the rest that goes to the domain (bare, makeup) with too few approved."
    )
    queries_per_run: int = Field(5, ge=1, description="Queries that one search run claims per source.")
    candidates_per_query: int = Field(100, ge=1, description="Candidates after which one search stops.")
    fetch_per_run: int = Field(2000, ge=1, description="Candidates that one fetch run downloads.")
    fetch_max_bytes: int = Field(
        20 * 2**20,
        ge=1,
        description="Largest photo accepted, in bytes. It waits in a temporary file, not in memory.",
    )
    fetch_max_pixels: int = Field(
        38_000_000,
        ge=1,
        description="Largest photo accepted, in pixels, by fetch, screen and crop alike; most formats reach a limit of "
        "their memory before. No more than 38 megapixels of a JPEG are ever decoded (256 MB).",
    )
    fetch_decode_bytes: int = Field(
        34 * 2**20,
        ge=2**20,
        description="Memory for decoding, by all threads together, so that a fetch stays below 150 MB; what takes more "
        "is refused as too large. An ordinary JPEG takes next to none (38 megapixels fit), a progressive one 3 to 7 "
        "bytes a pixel (5 to 11 megapixels), PNG 5 (7), AVIF 10 (3.5), WebP 17 (2).",
    )
    fetch_min_side: int = Field(128, ge=1, description="Smallest side accepted, in pixels.")
    fetch_placeholders: str = Field(
        "",
        description='A CSV file (kind, value, about) of pictures that stand for "not available", beside '
        "collectors/placeholders.csv.",
    )
    fetch_seconds: float = Field(
        20.0,
        gt=0,
        description="Longest time for one download, redirects and further tries included, in seconds.",
    )
    fetch_at_once: int = Field(24, ge=1, description="Downloads at a time, from all hosts together.")
    fetch_allow: str = Field(
        "",
        description="host:port pairs, comma separated, that may be private: an intranet's picture server, a test's "
        "own server; empty: none.",
    )
    fetch_per_host: int = Field(2, ge=1, description="Downloads from one host at a time.")
    fetch_interval_seconds: float = Field(
        0.2, ge=0, description="Shortest time between the starts of two downloads from one host, in seconds."
    )
    honour_opt_outs: bool = Field(
        True,
        description="Whether a photo is left where it is when its owner says so: robots.txt, X-Robots-Tag (noai and "
        "its like), TDMRep, Content-Usage.",
    )
    near_duplicate_bits: int = Field(
        8,
        ge=0,
        le=16,
        description="Where a photo was erased and only its perceptual hash is left: hashes this many bits apart or "
        "fewer are the same photo. All others are told apart by small grey copies. Also the radius within which "
        "`python -m preprocessing duplicates` and the desk (there 12 at most) gather photos, before they are looked "
        "at closer.",
    )
    proxy: str = Field("", description="HTTP proxy through which the collectors reach the network; empty: none.")
    proxy_ca: str = Field("", description="CA bundle (PEM) of that proxy; empty: the system's.")
    contact: str = Field(
        "",
        description="Contact (URL or mail address) given in the User-Agent; empty: only the product's name.",
    )
    cooldown_hours: float = Field(
        24.0,
        ge=0,
        description="How long a source rests after a captcha, a login challenge or an answer that cannot be read, in "
        "hours; doubled each time that it fails again, up to a week.",
    )
    rate_limit_minutes: float = Field(
        30.0,
        ge=0,
        description="How long a source rests that was asked too often and does not say for how long, in minutes; "
        "doubled likewise.",
    )
    pace: float = Field(
        1.0,
        ge=0,
        description="How slowly sources are asked: so many times the seconds between two requests that each declares. "
        "0: at once and as often as we like, which is for stand-ins of your own (the demo).",
    )
    rest_patience_hours: float = Field(
        2.0,
        ge=0,
        description="A run waits for a source that rests no longer than this, in hours; else it skips its searches.",
    )
    monthly_usd: float = Field(
        10.0,
        ge=0,
        description="The most that a source which bills (twitter) may cost in a calendar month of UTC, in US dollars.",
    )

    instagram_user: str = Field("", description="Instagram account that the collector signs in with.")
    instagram_password: SecretStr = Field(SecretStr(""), description="Its password (a secret).")
    instagram_2fa_command: str = Field(
        "",
        description="Command that prints the code of Instagram's second factor when a sign-in asks for it (words, no "
        "shell); empty: sign in by hand with python -m collectors sign-in instagram.",
    )
    twitter_bearer_token: SecretStr = Field(SecretStr(""), description="Bearer token of the X API (a secret).")
    chromium: str = Field("/usr/bin/chromium", description="Chromium binary for the google collector.")
    chromedriver: str = Field("/usr/bin/chromedriver", description="The chromedriver that belongs to it.")
    chromium_home: str = Field(
        "",
        description="HOME given to Chromium (its NSS database may hold the CA of the proxy); empty: a fresh one.",
    )

    landmarks_model: str = Field(
        "",
        description="Path of dlib's 68-point predictor; empty: the file of face_recognition_models "
        "(trained on iBUG 300-W, whose licence excludes commercial use).",
    )
    vision_processes: int = Field(
        0,
        ge=0,
        description="Processes in which screen and crop look at photos side by side, about 200 MB each, more for "
        "very large photos; 0: one per core that the task may use.",
    )
    faces_per_person: int = Field(
        0,
        ge=0,
        description="So many faces of one person are enough in one batch and domain; those beyond, the best aside, are "
        "flagged for the reviewers, and name those of the same batch that are kept. People are told apart in the "
        "memory of the job alone: nothing by which anybody could be found again is stored. 0: off.",
    )
    recognition_model: str = Field(
        "",
        description="Path of dlib's face recognition network, for that alone; empty: the file of "
        "face_recognition_models.",
    )
    inception_weights: str = Field(
        "",
        description="Path of the published Inception weights, pt_inception-2015-12-05-6726825d.pth: evaluations then "
        "tell FID too; empty: they do not. Nothing is downloaded.",
    )
    alexnet_weights: str = Field(
        "",
        description="Path of torchvision's AlexNet weights, alexnet-owt-7be5be79.pth: with the next, evaluations tell "
        "LPIPS too; empty: they do not.",
    )
    lpips_weights: str = Field(
        "", description="Path of the weights of LPIPS 0.1 for AlexNet, weights/v0.1/alex.pth of the package lpips."
    )
    evaluate_device: str = Field(
        "cpu",
        description="Where evaluations repaint faces and look at them with these networks: cpu, cuda, cuda:1. "
        "Numbers of two kinds of device are not compared.",
    )
    folder_path: str = Field("", description="Folder that the folder source reads; empty: that source rests.")
    folder_domain: str = Field("bare", description="Domain of the photos in that folder: bare or makeup.")
    folder_licence: str = Field("unknown", description="Licence of the photos in that folder.")

    photos_per_batch: int = Field(500, ge=1, description="Photos that one batch carries through review at most.")
    auto_reject: bool = Field(
        False,
        description="Whether checks that have earned it (people confirmed 90 % of at least 100 flags) reject by "
        "themselves, in the name check:NAME; people may overrule them. Nothing is ever approved by a machine.",
    )
    second_review_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the subjects that go to a second reviewer too, who sees neither the first one's verdict "
        "nor the flags; where the two differ a third decides.",
    )
    second_review_waits: bool = Field(
        False,
        description="Whether a stage of review waits for its second looks too; a team of one would wait for ever. It "
        "always waits for what is disputed.",
    )
    gold_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of subjects whose answer is known among those that a reviewer is given; each comes once.",
    )
    review_lease_seconds: int = Field(
        120,
        ge=1,
        description="For how long a subject that somebody has been given at the desk is given to nobody else.",
    )
    review_poll_seconds: float = Field(30.0, gt=0, description="How often the review sensor looks, in seconds.")
    review_timeout_days: float = Field(30.0, gt=0, description="After this long a waiting review fails, in days.")

    review_notify_hours: float = Field(
        24.0,
        ge=0,
        description="Somebody is told, by the notifier, each time that a batch has waited so long for people at one "
        "stage, in hours; 0: nobody.",
    )
    review_notifier: str = Field(
        "reminding.ReviewNotifier",
        description="Class of the Airflow notifier that tells it: of ours (the task's log, and a webhook) or of any "
        "provider, airflow.providers.smtp.notifications.smtp.SmtpNotifier say.",
    )
    review_notifier_options: str = Field(
        "{}",
        description="What that class is made with, as JSON. In its templates, review is what waits: review.sentence, "
        "batch, stage, subjects, waiting, hours, url.",
    )
    review_webhook: SecretStr = Field(
        SecretStr(""), description="Address to which our notifier posts JSON with a text (a secret); empty: none."
    )

    retention_days: float = Field(
        0,
        ge=0,
        description="Bytes of photos that were refused or rejected longer ago are removed; 0: never. The rows stay.",
    )
    backups_kept: int = Field(7, ge=1, description="Backups of the catalog that are kept; older ones go.")

    train_lease_seconds: int = Field(
        600,
        ge=3,
        description="For how long a trainer that no longer answers keeps its run from another machine, in seconds.",
    )
    wandb_project: str = Field("faceloop", description="Weights & Biases project of the training runs.")
    wandb_pictures: bool = Field(
        True,
        description="Whether Weights & Biases gets the sample grids, which show people's faces; no: numbers alone.",
    )

    @property
    def database_url(self) -> str:
        """The catalog's SQLAlchemy URL, with the embedded default filled in."""
        return self.database or f"sqlite:///{self.home.absolute() / 'catalog.db'}"

    @property
    def store_url(self) -> str:
        """The blob store's URL, with the embedded default filled in."""
        return self.store or (self.home.absolute() / "blobs").as_uri()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read once."""
    return Settings()  # type: ignore[call-arg]  # every field has a default or comes from the environment

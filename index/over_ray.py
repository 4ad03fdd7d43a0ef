"""Files are read and encoded by Ray Data: by every core of this machine, or of a cluster.

Each worker loads the model once. What they make streams back to this process, which alone writes,
so that it goes into any store. Knows nothing of storage. On a cluster every node must see the files
under the same paths and have this project installed.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
from pydantic import SecretStr

from index.article import Article, Chunk
from index.embedder import Embedder
from index.errors import ArticleError, IndexMismatch, IndexProblem, SettingsError
from index.settings import Settings
from index.syncing import Encoded, encode_files, maker

# Both are read when Ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
try:
    import ray
    import ray.data
except ImportError as error:
    raise SettingsError(
        'Ray needs a package that is not installed: pip install "ask-articles[ray]"'
    ) from error

#: Files in one task: what is done again when a worker dies, and what is reported as failed when
#: that has happened too often.
_FILES = 8
#: How often a worker that died is started again, and a task that died with it.
_RETRIES = 3
_CONNECT_SECONDS = 5.0


class _Worker:
    """What runs in each process of Ray's. Rows go between them as Arrow, not as pickles."""

    def __init__(self, settings: Settings, made_by: str) -> None:
        self._settings = settings
        self._embedder = Embedder(settings.embedding_model)
        found = maker(self._embedder, settings)
        if found != made_by:
            raise IndexMismatch(f"A worker encodes with {found}, not with {made_by}.")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        ((_, encoded),) = encode_files([Path(row["path"])], self._embedder, self._settings)
        if isinstance(encoded, ArticleError):
            return {"path": row["path"], "cause": str(encoded), "article": "", "vectors": b""}
        article, chunks, vectors = encoded
        fields = dataclasses.asdict(article) | {
            "published": article.published and article.published.isoformat(),
            "chunks": [(chunk.start, chunk.end) for chunk in chunks],
        }
        return {
            "path": row["path"],
            "cause": "",
            "article": json.dumps(fields),
            "vectors": vectors.astype("<f4").tobytes(),
        }


def encode_files_over_ray(
    paths: Sequence[Path], embedder: Embedder, settings: Settings, *, address: str = ""
) -> Iterator[tuple[Path, Encoded]]:
    """As `syncing.encode_files`, with Ray's workers; `address` is that of a cluster.

    A worker that dies is replaced and its files are read again, three times at most; then they are
    yielded with an ArticleError. Raises IndexProblem where no cluster answers or no worker starts.
    """
    if not paths:
        return
    tasks = math.ceil(len(paths) / _FILES)
    arguments = (
        settings.model_copy(update={"store_token": SecretStr("")}),
        maker(embedder, settings),
    )
    with _connected(address) as (cores, gpus):
        with warnings.catch_warnings():
            # Until 2.64, which pyproject.toml excludes, Ray has no other way to bound its retries,
            # and they are without end.
            warnings.simplefilter("ignore")
            done = ray.data.from_items(
                [{"path": str(path)} for path in paths], override_num_blocks=tasks
            ).map(
                cast(Any, _Worker),
                fn_constructor_args=arguments,
                compute=ray.data.ActorPoolStrategy(size=min(tasks, gpus or cores)),
                num_cpus=1,
                num_gpus=1 if gpus else 0,
                max_restarts=_RETRIES,
                max_task_retries=_RETRIES,
            )
        missing = dict.fromkeys(paths)
        try:
            for row in done.iter_rows():
                path = Path(row["path"])
                del missing[path]
                yield path, _encoded(row)
        except ray.exceptions.RayError as error:
            raise IndexProblem(
                f"Ray's workers do not work: {_last_line(error)}. What was stored is intact."
            ) from error
        for path in missing:
            yield path, ArticleError("the worker that read it died, and so did others after it")


def _encoded(row: dict[str, Any]) -> Encoded:
    if row["cause"]:
        return ArticleError(row["cause"])
    fields = json.loads(row["article"])
    spans = fields.pop("chunks")
    published = fields.pop("published")
    article = Article(**fields, published=date.fromisoformat(published) if published else None)
    chunks = [Chunk(start, end, article.text[start:end]) for start, end in spans]
    vectors = np.frombuffer(row["vectors"], "<f4").reshape(len(chunks), -1)
    return article, chunks, vectors


@contextmanager
def _connected(address: str) -> Iterator[tuple[int, int]]:
    """Cores and graphics cards of the cluster at `address`, or of a Ray on this machine alone."""
    if address:
        _check(address)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        resources = cast(Any, ray).cluster_resources()
    except (Exception, SystemExit) as error:  # it ends the process where a cluster is not ready
        place = f" at {address} (does it ask for a token? RAY_AUTH_MODE=token)" if address else ""
        raise IndexProblem(f"Ray cannot be used{place}: {_last_line(error)}") from error
    options = ray.data.DataContext.get_current()
    options.enable_progress_bars = False  # there is one already
    options.max_errored_blocks = -1  # a file that kills workers does not stop the others
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield int(resources["CPU"]), int(resources.get("GPU", 0))
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Raise IndexProblem where nobody listens: Ray itself tries for two minutes to tell."""
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        if not place.hostname or not place.port:
            raise ValueError("it is no HOST:PORT")
        socket.create_connection((place.hostname, place.port), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise IndexProblem(
            f"No Ray cluster answers at {address}: {error}. Start one with: ray start --head"
        ) from error


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]

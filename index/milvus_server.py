"""One Milvus server or local file: its collections, and calls that are bounded and tried again.

Knows nothing of articles or of searching them.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from index.errors import IndexBusy, IndexMismatch, IndexProblem, SettingsError

try:
    import grpc
    from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException
except ImportError as error:
    raise SettingsError(
        'The Milvus store needs packages that are not installed: pip install "ask-articles[milvus]"'
    ) from error

for _name in ("pymilvus", "milvus_lite"):  # they log what is raised here, with its traceback
    logging.getLogger(_name).setLevel(logging.CRITICAL)

#: A VARCHAR holds at most so many bytes.
MOST_BYTES = 65_535
#: Milvus finds at most so many rows in one search.
MOST_FOUND = 16_384

#: Rows in one message: of the longest texts 33 MB, and a server takes 64 MB.
_BATCH = 500
#: Between tries. A server that was started again is back by then, and one that is gone is not
#: waited for much longer. pymilvus itself gives up within 10 ms where a connection is refused.
_WAITS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)

#: A server that hangs is given up after a call has taken so many deadlines in all.
_MOST_DEADLINES = 1.5
#: pymilvus lets some of its channel's own errors through.
_FAULTS = (MilvusException, grpc.RpcError)
_LASTING = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)

#: How often this process has each local file open: its server ends with the last of them.
_open_files: Counter[str] = Counter()

#: What a field holds: a hash in hexadecimal (searchable), text, a number, text to be searched by
#: its words, or a vector.
Fields = dict[str, str]
_TYPES = {
    "hash": {"datatype": DataType.VARCHAR, "max_length": 64},
    "text": {"datatype": DataType.VARCHAR, "max_length": MOST_BYTES},
    "number": {"datatype": DataType.INT64},
    "words": {
        "datatype": DataType.VARCHAR,
        "max_length": MOST_BYTES,
        "enable_analyzer": True,
        "analyzer_params": {"tokenizer": "standard"},
    },
    "sparse": {"datatype": DataType.SPARSE_FLOAT_VECTOR},
    "vector": {"datatype": DataType.FLOAT_VECTOR},
}
_INDEXES: dict[str, dict[str, Any]] = {
    "hash": {"index_type": "INVERTED"},
    "sparse": {  # tantivy's constants
        "index_type": "SPARSE_INVERTED_INDEX",
        "metric_type": "BM25",
        "params": {"bm25_k1": 1.2, "bm25_b": 0.75},
    },
    "vector": {"index_type": "AUTOINDEX", "metric_type": "IP"},
}


class MilvusServer:
    """The collections of one store, by names that begin with `collection`.

    Every call has a deadline and is tried again a few times: all that is written is an upsert or a
    delete, which may be done twice. Raises IndexProblem where that does not help; its message
    never holds the token. `connect` is MilvusClient, but for tests.
    """

    def __init__(
        self,
        uri: str,
        token: str = "",
        *,
        collection: str,
        timeout_seconds: float,
        connect: Callable[..., Any] = MilvusClient,
    ) -> None:
        if not re.fullmatch(r"https?://[^@\s]+|[^:]+\.db", uri):
            raise SettingsError(
                "RAG_STORE_URI is http://HOST:PORT, https://HOST:PORT or a path that ends with "
                ".db; a token goes into RAG_STORE_TOKEN."
            )
        self.address = uri
        self._token = token
        self._prefix = f"{collection}_"
        self._timeout_seconds = timeout_seconds
        self._file = "" if uri.startswith("http") else str(Path(uri).absolute())
        self._loaded: set[str] = set()
        self._client = self._call(connect, uri, token=token)
        _open_files[self._file] += 1

    def close(self) -> None:
        """May be called twice."""
        if self._client is None:
            return
        self._client.close()
        self._client = None
        _open_files[self._file] -= 1
        if self._file and not _open_files[self._file]:
            from milvus_lite.server_manager import server_manager_instance

            # pymilvus leaves it running, and its file locked, until the process ends.
            server_manager_instance.release_server(self._file)

    def open(self, name: str, fields: Fields) -> int:
        """Make a collection ready. Its vectors' dimension, 0 where there is no such collection.

        Raises IndexMismatch where it has other fields.
        """
        if not self._call(self._client.has_collection, self._prefix + name):
            return 0
        described = self._call(self._client.describe_collection, self._prefix + name)["fields"]
        if {field["name"] for field in described} != set(fields):
            raise IndexMismatch(
                f"The collection {self._prefix}{name} at {self.address} was made by another "
                "release or another program. Choose another name in RAG_STORE_COLLECTION."
            )
        # Its making may have been cut short.
        found = self._call(self._client.list_indexes, self._prefix + name)
        indexes = _indexes(fields, but=found)
        if len(indexes):
            self._call(self._client.create_index, self._prefix + name, index_params=indexes)
        self._call(self._client.load_collection, self._prefix + name)
        self._loaded.add(self._prefix + name)
        return next(int(f["params"]["dim"]) for f in described if "dim" in f["params"])

    def create(self, name: str, fields: Fields, dimension: int) -> None:
        """Make a collection; its first field is the primary key."""
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        for place, (field, kind) in enumerate(fields.items()):
            options = _TYPES[kind] | ({"dim": dimension} if kind == "vector" else {})
            schema.add_field(field, is_primary=place == 0, **options)
            if kind == "words":
                schema.add_function(Function("bm25", FunctionType.BM25, [field], ["sparse"]))
        self._call(
            self._client.create_collection,
            self._prefix + name,
            schema=schema,
            index_params=_indexes(fields),
            consistency_level="Strong",  # what was written is read
        )
        self._loaded.add(self._prefix + name)

    def rows(self, name: str, where: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """All rows that meet a condition, in the order of their keys, a batch at a time."""
        pages = self._call(
            self._client.query_iterator,
            self._prefix + name,
            batch_size=_BATCH,
            filter=where,
            output_fields=list(fields),
        )
        # It moves on only when a batch has come, so that a batch can be asked for again.
        while page := self._call(lambda timeout: pages.next()):
            yield from page
        pages.close()

    def count(self, name: str, where: str) -> int:
        found = self._call(
            self._client.query, self._prefix + name, filter=where, output_fields=["count(*)"]
        )
        return int(found[0]["count(*)"])

    def search(
        self, name: str, field: str, value: Any, limit: int, where: str, fields: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The best hits, each with its `id`, `distance` and, as `entity`, its fields."""
        found = self._call(
            self._client.search,
            self._prefix + name,
            data=[value],
            anns_field=field,
            limit=min(limit, MOST_FOUND),
            filter=where,
            output_fields=list(fields),
        )
        return list(found[0])

    def upsert(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        for first in range(0, len(rows), _BATCH):
            # Not insert, which done twice would leave two rows with one key.
            self._call(self._client.upsert, self._prefix + name, list(rows[first : first + _BATCH]))

    def delete(self, name: str, where: str) -> None:
        self._call(self._client.delete, self._prefix + name, filter=where)

    def _call(self, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        until = time.monotonic() + _MOST_DEADLINES * self._timeout_seconds
        for wait in (*_WAITS_SECONDS, None):
            try:
                return act(*arguments, timeout=self._timeout_seconds, **options)
            except _FAULTS as error:
                if wait is None or not _may_pass(error) or time.monotonic() > until:
                    raise self._problem(error) from error
                time.sleep(wait)
                with suppress(*_FAULTS):
                    for name in self._loaded:  # a server that was started again has none
                        self._client.load_collection(name, timeout=self._timeout_seconds)
        raise AssertionError

    def _problem(self, error: MilvusException | grpc.RpcError) -> IndexProblem:
        said = error.details() if isinstance(error, grpc.Call) else getattr(error, "message", error)
        cause = " ".join(str(said).split())[:300]
        if self._token:
            cause = cause.replace(self._token, "***")
        if self._file and "Open local milvus failed" in cause:
            return IndexBusy(
                f"The store in {self.address} cannot be opened. Another process may have it open; "
                "end that one, or let both use a Milvus server."
            )
        return IndexProblem(
            f"The Milvus server at {self.address} cannot be used: {cause}. Check that it is "
            "running and that RAG_STORE_URI and RAG_STORE_TOKEN are right, then run this again; "
            "what was stored is intact."
        )


def _indexes(fields: Fields, but: Sequence[str] = ()) -> Any:
    """How to search each field but the primary key, which needs nothing, and those in `but`."""
    indexes = MilvusClient.prepare_index_params()
    for field, kind in list(fields.items())[1:]:
        if kind in _INDEXES and field not in but:
            indexes.add_index(field, index_name=field, **_INDEXES[kind])
    return indexes


def any_of(field: str, values: Sequence[str | int]) -> str:
    """The condition that a field has one of these values: numbers, or texts of plain letters."""
    assert all(isinstance(value, int) or value.isalnum() for value in values)
    shown = (str(value) if isinstance(value, int) else f'"{value}"' for value in values)
    return f"{field} in [{', '.join(shown)}]"


def _may_pass(error: MilvusException | grpc.RpcError) -> bool:
    if isinstance(error, MilvusException):
        return not error.is_input_error
    return not (isinstance(error, grpc.Call) and error.code() in _LASTING)

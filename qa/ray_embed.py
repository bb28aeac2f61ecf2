"""Embedding spread over processes or machines by Ray Data; the index comes out the same.

The texts go out in blocks to actors that each hold the model once. Ray keeps no more blocks in flight than the actors
take, starts an actor that died again, and gives its block to another.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qa.embed import Encoder, Floats, Progress, load_encoder
from qa.errors import ModelMismatch, RayUnreachable

LOCAL = "local"
_BLOCK = 2_048  # texts: smaller ones cost the process that collects them more than embedding them costs
_BLOCKS_EACH = 8  # but as many for each actor, so that none waits long for the last
_STARTS = 3  # on a busy machine processes come up later than the 30 seconds that Ray waits for them
_STORE_BYTES = 256 * 2**20
_ADDRESS = re.compile(r"local|auto|(?:ray://)?[^\s/:]+:\d+")
# One core a process: an actor that takes threads from its neighbours slows both.
_ONE_CORE = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Cluster:
    """A Ray cluster that is joined, or started on this machine, when the first texts come.

    Call it with an encoder to have that one's documents embedded here.
    """

    def __init__(self, address: str = LOCAL, processes: int | None = None) -> None:
        """Name a cluster.

        :param address: ``local`` starts processes on this machine; ``auto`` or ``HOST:PORT`` joins a cluster.
        :param processes: how many hold the model; by default one for each core that the cluster has.
        :raises RayUnreachable: if the address is none.
        """
        if not _ADDRESS.fullmatch(address):
            raise RayUnreachable(address, "is no address of a cluster; name the documents before --ray")
        self._address = address
        self._processes = processes
        self._started = False

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            import ray  # noqa: PLC0415

            ray.shutdown()

    def __call__(self, encoder: Encoder) -> RayEncoder:
        """Return an encoder that embeds documents here."""
        return RayEncoder(encoder, self)

    def embed(self, texts: Sequence[str], name: str, fingerprint: str) -> Iterator[tuple[Any, Floats]]:
        """Yield the numbers of some texts with their vectors, a block at a time, in the order in which they are done.

        :param name: what :func:`qa.embed.load_encoder` finds the model by, on every machine of the cluster.
        :raises RayUnreachable: if there is no cluster at the address, or the extra is not installed.
        :raises ModelMismatch: if a machine has other weights under the model's name.
        """
        processes = self._processes or self._cores()
        self._start()
        import pyarrow as pa  # noqa: PLC0415
        import ray.data  # noqa: PLC0415

        block = max(1, min(_BLOCK, -(-len(texts) // (_BLOCKS_EACH * processes))))
        starts = range(0, len(texts), block)
        rows = [range(start, min(start + block, len(texts))) for start in starts]
        blocks = [pa.table({"row": part, "text": [texts[row] for row in part]}) for part in rows]
        embedded = ray.data.from_arrow(blocks).map_batches(
            Embed,
            fn_constructor_args=(name, fingerprint),
            batch_size=block,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=min(processes, len(blocks))),
        )
        for batch in embedded.iter_batches(batch_size=None):
            yield batch["row"], batch["vector"]

    def _cores(self) -> int:
        self._start()
        import ray  # noqa: PLC0415

        return int(ray.cluster_resources()["CPU"])

    def _start(self) -> None:
        if self._started:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        try:
            import ray  # noqa: PLC0415
            import ray.data  # noqa: PLC0415
        except ImportError as error:
            raise RayUnreachable(self._address, "ray is not installed. Run: pip install 'wenda[scale]'") from error
        local = {
            "num_cpus": self._processes,
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
        settings = {"runtime_env": {"env_vars": _ONE_CORE}, "log_to_driver": False, "logging_level": "error"}
        for left in reversed(range(_STARTS)):
            try:
                ray.init(address=self._address, **settings, **(local if self._address == LOCAL else {}))
                break
            except Exception as error:  # Ray raises ConnectionError, ValueError, RuntimeError and plain Exception
                ray.shutdown()
                if not left or self._address != LOCAL:
                    raise RayUnreachable(self._address, f"no Ray cluster answers ({error})") from error
        self._started = True
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False


class RayEncoder:
    """An encoder whose documents a cluster embeds; see :class:`qa.embed.Encoder`."""

    at_once = 32_768  # texts: each call starts actors, which load the model

    def __init__(self, encoder: Encoder, cluster: Cluster) -> None:
        self._encoder = encoder
        self._cluster = cluster
        self.name, self.dimension, self.fingerprint = encoder.name, encoder.dimension, encoder.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """See :class:`qa.embed.Encoder`; questions are embedded here."""
        return self._encoder.encode_queries(texts)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """See :class:`qa.embed.Encoder` and :meth:`Cluster.embed`."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        for rows, vectors in self._cluster.embed(texts, self.name, self.fingerprint):
            out[rows] = vectors
            if progress is not None:
                progress(len(rows))
        return out


class Embed:
    """One actor: holds the model, turns blocks of texts into blocks of vectors."""

    def __init__(self, name: str, fingerprint: str) -> None:
        self._encoder = load_encoder(name)
        if self._encoder.fingerprint != fingerprint:
            raise ModelMismatch(name, "a machine of the cluster has other weights under this name")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Embed a block."""
        return {"row": batch["row"], "vector": self._encoder.encode_documents(batch["text"].tolist())}

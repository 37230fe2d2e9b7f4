"""``GET /metrics``: how everything stands, for Prometheus and whoever reads its formats.

Most of it is read when it is asked for. Labels are states, roles, kinds and numbers: no path and
no name of a user's file or folder is ever among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

import psutil
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from prismd.api.description import TEXT, described
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.status import Status, status_of
from prismd.domain import FileState
from prismd.models.load import State as ModelStateName
from prismd.store import files

_STATES = ("starting", "indexing", "idle", "paused")
_FILE_STATES: tuple[str, ...] = get_args(FileState)
_MODEL_STATES: tuple[str, ...] = get_args(ModelStateName)


@get(
    "/metrics",
    operation_class=described(
        only_also=True,
        also={
            "text/plain; version=1.0.0; charset=utf-8": TEXT,
            "application/openmetrics-text; version=1.0.0; charset=utf-8": TEXT,
        },
    ),
    summary="Figures for Prometheus",
)
async def metrics(request: ApiRequest) -> Response[bytes]:
    """Figures in Prometheus's text format, or in OpenMetrics where ``Accept`` asks for that."""
    api = api_of(request)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    body = await api.offload.read(lambda: encode(api.metrics.registry))
    return Response(body, media_type=media_type, headers={"vary": "accept"})


class Standing(Collector):
    """How everything stands when it is asked."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def collect(self) -> Iterable[Metric]:
        """Every figure, read now. Blocks."""
        api = self._api
        now = status_of(api)
        yield InfoMetricFamily("prismd", "Which prismd it is.", {"version": now.version})
        yield StateSetMetricFamily(
            "prismd_state", "What it does.", {state: state == now.state for state in _STATES}
        )
        yield from _indexing(api, now)
        yield from _roots(api)
        yield _model_states(now)
        yield from _queues(api)
        yield from _database(api, now)
        yield from _process()


def _indexing(api: Api, now: Status) -> Iterator[Metric]:
    counts = {state: getattr(now.files, state) for state in _FILE_STATES}
    yield _by("prismd_files", "Files by state.", "state", counts)
    yield _gauge("prismd_files_left", "Files in hand, or to be read soon.", now.left)
    yield _gauge("prismd_files_in_hand", "Files that are being read.", len(now.current))
    yield _gauge("prismd_passages", "Passages that can be found.", now.passages)
    yield _gauge("prismd_passages_embedded", "Passages that have a vector.", now.passages_embedded)
    snapshot = api.services.progress.snapshot()
    done = CounterMetricFamily(
        "prismd_files_done", "Files that came to a state since the start.", labels=("state",)
    )
    for state in _FILE_STATES:
        done.add_metric((state,), snapshot.files.get(state, 0))
    yield done
    yield _counter("prismd_read_bytes", "Bytes of the files that were read.", snapshot.bytes)
    yield _counter(
        "prismd_embeddings_computed", "Vectors made since the start.", now.embeddings_computed
    )
    yield _counter("prismd_sweeps", "How often a folder was looked through.", snapshot.sweeps)
    yield _counter(
        "prismd_changes_found", "Files found new, changed, moved or gone.", snapshot.changes
    )
    yield _gauge("prismd_faults", "What keeps parts from going on.", len(now.faults))


def _roots(api: Api) -> Iterator[Metric]:
    """By the numbers that folders have in the index: their paths are nobody's business."""
    services = api.services
    counted = services.database.read(files.root_counts)
    left = dict.fromkeys(counted, 0)
    for group in api.queue.groups():
        if group.root_id is not None:
            left[group.root_id] = left.get(group.root_id, 0) + group.files
    yield _by("prismd_root_files", "Files by watched folder.", "root", counted)
    yield _by("prismd_root_files_left", "Files in hand or to be read, by folder.", "root", left)
    states: dict[str, int] = {}
    if services.folders is not None:
        for watched in services.folders.watches.states().values():
            states[watched.state] = states.get(watched.state, 0) + 1
    yield _by("prismd_roots", "Watched folders, by how they are watched.", "state", states)


def _model_states(now: Status) -> Metric:
    family = GaugeMetricFamily(
        "prismd_model_state", "1 for the state that a role's model is in.", labels=("role", "state")
    )
    for role, model in now.models.items():
        for state in _MODEL_STATES:
            family.add_metric((role, state), float(model.state == state))
    return family


def _queues(api: Api) -> Iterator[Metric]:
    gates = {"chat": api.gate, "transcription": api.recordings}
    in_work = {kind: gate.in_work for kind, gate in gates.items()}
    waiting = {kind: gate.waiting for kind, gate in gates.items()}
    yield _by("prismd_answers_in_work", "Answers that are being made.", "kind", in_work)
    yield _by("prismd_answers_waiting", "Requests that wait for their turn.", "kind", waiting)


def _database(api: Api, now: Status) -> Iterator[Metric]:
    database = api.services.database
    yield _gauge("prismd_index_bytes", "The index on disk.", now.index_bytes)
    yield _gauge(
        "prismd_database_writes_waiting",
        "Writes that wait for the one writer, or are its work.",
        database.writes_waiting,
    )
    yield _counter("prismd_database_writes", "Writes that are done.", database.writes_done)


def _process() -> Iterator[Metric]:
    """As Prometheus names them everywhere; its own collector knows Linux alone."""
    process = psutil.Process()
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        yield _counter(
            "process_cpu_seconds", "Processor time of the daemon.", times.user + times.system
        )
        yield _gauge("process_resident_memory_bytes", "Memory of the daemon.", memory.rss)
        yield _gauge("process_open_fds", "Open files of the daemon.", process.num_fds())
        yield _gauge("process_threads", "Threads of the daemon.", process.num_threads())
        yield _gauge(
            "process_start_time_seconds", "Since the epoch.", round(process.create_time(), 2)
        )


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _counter(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(name, documentation, value=value)


def _by(
    name: str, documentation: str, label: str, values: Mapping[str, float] | Mapping[int, int]
) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=(label,))
    for key, value in values.items():
        family.add_metric((str(key),), value)
    return family


ROUTES: list[HTTPRouteHandler] = [metrics]

"""The families of `/metrics`, as Prometheus and OpenMetrics name them. Imports prometheus-client.

No family has a label for accounts, since every test may make one. What `Counters` holds only grows; everything else
is looked up when somebody asks.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.services.info import own_version
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.stores.store import DatabaseFacts


def metrics_registry(context: ApiContext) -> CollectorRegistry:
    """A registry with the metrics of one server; there may be several servers in a process."""
    registry = CollectorRegistry()
    registry.register(_CountersCollector(context.counters))
    registry.register(_GaugesCollector(context))
    ProcessCollector(registry=registry)
    return registry


class _CountersCollector(Collector):
    """The metrics that `Counters` counts."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        counters = self._counters
        yield _counter(
            "cloudsms_requests",
            "Requests by kind and result code.",
            ("kind", "code", "result"),
            (((kind, *_named(code)), count) for (kind, code), count in counters.requests.items()),
        )
        yield CounterMetricFamily("cloudsms_messages_accepted", "Messages that were accepted.", counters.messages)
        yield CounterMetricFamily("cloudsms_segments", "Segments of accepted messages.", counters.segments)
        yield _counter(
            "cloudsms_segments_billed",
            "Segments of messages not rejected locally, by currency.",
            ("currency",),
            (((currency,), count) for currency, count in counters.billed.items()),
        )
        yield _counter(
            "cloudsms_messages_final",
            "Messages by the final state they reached.",
            ("state",),
            (((name,), count) for name, count in _by_name(counters).items()),
        )
        yield _counter(
            "cloudsms_pushes",
            "Pushes of delivery reports by what the report came to, `pending` before a retry, and HTTP status.",
            ("outcome", "status"),
            (
                ((outcome, "" if status is None else str(status)), count)
                for (outcome, status), count in counters.pushes.items()
            ),
        )
        yield _counter(
            "cloudsms_findings",
            "Findings on refused requests and on pushes, by rule.",
            ("rule",),
            (((rule,), count) for rule, count in counters.findings.items()),
        )
        yield _counter(
            "cloudsms_handshakes_refused",
            "TLS handshakes that were refused, by reason.",
            ("reason",),
            (((reason,), count) for reason, count in counters.handshakes.items()),
        )
        times = counters.answer_times
        buckets = [(_bound(bound), float(count)) for bound, count in times.cumulated()]
        about = "Time from a whole request to its answer."
        yield HistogramMetricFamily("cloudsms_answer_seconds", about, buckets, times.seconds)


class _GaugesCollector(Collector):
    """The metrics that are looked up when they are asked for."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        context = self._context
        store, accounts = context.store, tuple(context.directory)
        about = GaugeMetricFamily("cloudsms_build_info", "Always 1; the labels say what it is.", labels=["version"])
        about.add_metric([own_version()], 1)
        yield about
        yield GaugeMetricFamily("cloudsms_accounts", "Accounts there are.", len(accounts))
        pending = sum(store.standing(account).outstanding for account in accounts)
        yield GaugeMetricFamily("cloudsms_reports_pending", "Messages whose reports are outstanding.", pending)
        yield GaugeMetricFamily("cloudsms_event_streams", "Streams of events that are read.", len(context.events))
        yield GaugeMetricFamily("cloudsms_waits", "Waits for messages, requests and reports.", len(context.waits))
        kept = GaugeMetricFamily("cloudsms_journal_items", "What the journal has, by kind.", labels=["of"])
        gone = GaugeMetricFamily(
            "cloudsms_journal_evicted", "What the journal has no more; a reset account begins at 0.", labels=["of"]
        )
        requests = [store.exchanges(account) for account in (None, *accounts)]
        messages = [store.messages(account) for account in accounts]
        reports = [store.reports(account) for account in accounts]
        for name, listings in (("requests", requests), ("messages", messages), ("reports", reports)):
            kept.add_metric([name], sum(each.total for each in listings))
            gone.add_metric([name], sum(each.evicted for each in listings))
        yield kept
        yield gone
        yield GaugeMetricFamily("cloudsms_journal_bytes", "Memory the journal takes, about.", store.octets)
        facts = store.database_facts
        if facts is not None:
            yield from database_metrics(facts)


def database_metrics(facts: DatabaseFacts) -> Iterator[Metric]:
    """The metrics of a durable store."""
    yield GaugeMetricFamily("cloudsms_store_bytes", "Disk the store takes.", facts.octets)
    about = "Turns in which the store wrote the steps that waited, and how long they took."
    yield SummaryMetricFamily("cloudsms_store_turn_seconds", about, facts.turns, facts.seconds)
    yield CounterMetricFamily("cloudsms_store_steps", "Steps that the store wrote.", facts.steps)
    yield CounterMetricFamily("cloudsms_store_failures", "Turns that the store could not write.", facts.failures)


def _counter(
    name: str, about: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str, ...], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(seconds)


def _named(code: ResultCode | None) -> tuple[str, str]:
    return ("", "") if code is None else (hex_code(code), desc_of(code))


def _by_name(counters: Counters) -> dict[str, int]:
    """How many messages reached each final state, by its name; states that are not in the table count as UNKNOWN."""
    named: dict[str, int] = {}
    for state, count in counters.final_states.items():
        named[state_desc(state)] = named.get(state_desc(state), 0) + count
    return named

"""Metrics as Prometheus reads them, by its own client library."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.observability.metrics import Histogram, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Ours(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("sidecar_build_info", "Which version this is.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        requests = CounterMetricFamily("sidecar_requests", "Requests that were answered.", labels=["action", "outcome"])
        for labels, count in self._metrics.requests.items():
            requests.add_metric(labels, count)
        yield requests
        for total in self._metrics.sums:
            family = CounterMetricFamily(total.name, total.about, labels=list(total.labels))
            for labels, value in total.look():
                family.add_metric(labels, value)
            yield family
        for gauge in self._metrics.gauges:
            yield GaugeMetricFamily(gauge.name, gauge.about, gauge.look())
        for histogram in self._metrics.histograms:
            yield _family(histogram)


def _family(histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.about, labels=list(histogram.labels))
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    for labels, counts in histogram.counts.items():
        total, buckets = 0, []
        for bound, count in zip(bounds, counts, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric(labels, buckets, histogram.sums[labels])
    return family


def render(metrics: Metrics) -> bytes:
    """Return all of it as text, with what the operating system tells of the process."""
    registry = CollectorRegistry()
    registry.register(_Ours(metrics))
    ProcessCollector(registry=registry)
    return generate_latest(registry)

"""One scrape: every metric of `measures`, with or without samples, under labels that stay within bounds.

Nothing is kept here from one scrape to the next, and nothing is registered anywhere: what is counted is counted once, in
`core.totals` and in the store.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from daemon.core.totals import Durations
from daemon.web.measures import ALL, Measure
from daemon.web.reading import Reading
from daemon.web.samples import Labels, buckets, durations, samples

MOST = 10_000
"""Series of one metric. What would be more is added up under the label value `OTHER`, whoever makes up the names."""

LONGEST = 128
"""Characters of one label value; ids and rule names are shorter."""

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Exposition:
    """The figures in the form that prometheus-client's encoders take."""

    reading: Reading
    most: int = MOST

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, in the order of the documentation."""
        values: dict[str, dict[Labels, float]] = {measure.name: {} for measure in ALL}
        for name, labels, value in samples(self.reading):
            mine = values[name]
            key = bounded(labels, mine, self.most)
            mine[key] = mine.get(key, 0.0) + value
        times: dict[str, dict[Labels, list[Durations]]] = {measure.name: {} for measure in ALL}
        for name, labels, took in durations(self.reading):
            times[name].setdefault(bounded(labels, times[name], self.most), []).append(took)
        for measure in ALL:
            yield _family(measure, values[measure.name], times[measure.name])


def bounded(labels: Labels, known: Mapping[Labels, object], most: int) -> Labels:
    """Return label values that can be written, those of the overflow where there are enough of others already."""
    clean = tuple(value[:LONGEST].encode("utf-8", "replace").decode("utf-8") for value in labels)
    if clean in known or len(known) < most:
        return clean
    return (*clean[:1], *[OTHER] * len(clean[1:]))


def _family(
    measure: Measure, values: Mapping[Labels, float], times: Mapping[Labels, Iterable[Durations]]
) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily:
    if measure.kind == "histogram":
        timed = HistogramMetricFamily(measure.name, measure.says, labels=measure.labels)
        for labels, same in times.items():
            timed.add_metric(labels, *buckets(list(same)))
        return timed
    if measure.kind == "info":
        info = InfoMetricFamily(measure.name.removesuffix("_info"), measure.says)
        for labels in values:
            info.add_metric((), dict(zip(measure.labels, labels, strict=True)))
        return info
    kind = CounterMetricFamily if measure.kind == "counter" else GaugeMetricFamily
    family = kind(measure.name, measure.says, labels=measure.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family

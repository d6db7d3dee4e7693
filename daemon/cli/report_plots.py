"""The plots of a report as SVG that a page holds: no script, no style of their own, nothing to load, told in words, too."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pygal

from daemon.core.periods import Period
from daemon.core.report import Window

Series = Sequence[tuple[str, Sequence[int | None]]]

LABELS = 16
"""At most about so many days are named under a plot."""


def came_and_went(days: Sequence[Period], window: Window, name: str) -> str:
    """Draw how many errors came each day, and how many were fixed or dealt with; *name* is unique on the page."""
    series = (
        ("new", [day.new for day in days]),
        ("fixed by the robot", [day.retried("confirmed") for day in days]),
        ("dealt with by people", [day.by_people for day in days]),
    )
    return _draw(pygal.Bar, series, window, (name, "New errors a day, and what was fixed or dealt with"))


def came_of_retries(days: Sequence[Period], window: Window, name: str) -> str:
    """Draw how the retries of each day ended, on top of each other."""
    series = (
        ("confirmed", [day.retried("confirmed") for day in days]),
        ("came back", [day.retried("came_back") for day in days]),
        ("any other end, or none yet", [day.retried("other") for day in days]),
    )
    return _draw(pygal.StackedBar, series, window, (name, "Retries a day by how they ended"))


def _draw(kind: type[pygal.graph.graph.Graph], series: Series, window: Window, words: tuple[str, str]) -> str:
    labels = [f"{start:%d %b}" for start in window.starts()]
    chart = kind(
        css=(),
        js=(),
        disable_xml_declaration=True,
        width=860,
        height=270,
        margin=8,
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
        x_labels=labels,
        x_labels_major_every=1 + (len(labels) - 1) // LABELS,
        show_minor_x_labels=False,
        truncate_label=-1,
        min_scale=3,
        max_scale=6,
        formatter=lambda value: f"{value:,.0f}",
        print_values=False,
    )
    chart.uuid = words[0]
    for name, values in series:
        chart.add(name, list(values))
    chart.add_xml_filter(lambda root: _plain(root, series, *words))
    return str(chart.render())


def _plain(root: Element, series: Series, name: str, title: str) -> Element:
    """Leave of a drawing what a reader can see or be told."""
    for parent in list(root.iter()):
        for unused in ("id", "style"):  # two plots would have the same ids; how it looks is the page's business
            parent.attrib.pop(unused, None)
        for child in list(parent):
            kind = child.get("class")
            if child.tag in ("script", "style", "defs") or not isinstance(child.tag, str):
                parent.remove(child)
            elif child.tag == "desc" and kind == "value":
                child.tag = "title"  # what a pointer rests on is told without a script
            elif child.tag in ("desc", "title") or kind == "tooltip-overlay":
                parent.remove(child)
    for name_of, text in (("title", title), ("desc", _told(series))):
        told = root.makeelement(name_of, {"id": f"{name}-{name_of}"})
        told.text = text
        root.insert(0 if name_of == "title" else 1, told)
    root.attrib.pop("xmlns", None)  # a page in HTML needs none
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    return root


def _told(series: Series) -> str:
    """Return a drawing in a sentence."""
    said = (f"{name}: {sum(value or 0 for value in values):,} in all" for name, values in series)
    return "; ".join(said) + ". The table beside it has the figures of each day."

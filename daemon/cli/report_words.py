"""The words of a report: what people read in the text and on the page alike."""

from datetime import datetime, timedelta

from daemon.cli.render import clean, plural
from daemon.core.rates import Rate, Trend
from daemon.core.records import StepRef
from daemon.core.report import EXPIRES_WITHIN, PLATFORM_KEEPS, AccountReport, RuleReport, Window
from daemon.core.report_rows import NOT_KNOWN, Incident, IncidentKind

NOT_RECORDED = "not known"

TRENDS = {
    Trend.BETTER: "better than before",
    Trend.WORSE: "worse than before",
    Trend.STEADY: "no clear change",
    Trend.TOO_FEW: "too few to compare",
}

DEFINITIONS = (
    ("new", "errors first seen in the period. A record that fails again comes as a new error."),
    ("fixed by the robot (confirmed)", ("retries sent in the period whose job has ended and whose record a complete later read shows "
     "no longer open. Never counted for being accepted.")),
    ("resolved by the robot", "errors that a rule resolved because nothing is to be done; the platform lists them so."),
    ("dealt with by people", ("errors that people resolved or retried, as the platform tells; whether their retry helped "
     "is not known.")),
    ("came back", "retries after which the same record was open again."),
    ("refused", "what the platform did not take, or what was open after a resolve as before."),
    ("unknown", "retries of which nobody knows whether they ran. They wait for a person."),
    ("vanished", "errors that left without anybody known: purged by the platform, mostly."),
    ("success rate", ("confirmed retries among those confirmed or come back; in brackets the range in which the true rate "
     "lies, 19 times out of 20. Fewer than 10 are too few to tell.")),
    ("only load", "rules whose retries help in less than 10 % of all cases even at the upper end of that range."),
    ("time to fix", "the median time from when an error occurred until its retry was confirmed."),
)  # fmt: skip
"""What each figure means, in the words that people read."""


def day(moment: datetime) -> str:
    """Return a moment as people read it, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def rule_name(rule_id: str) -> str:
    """Return how a rule is called."""
    return {"": "(no rule)", NOT_KNOWN: "(not recorded any more)"}.get(rule_id) or clean(rule_id)


def count(known: int | None) -> str:
    """Return a count, or that nobody knows it."""
    return NOT_RECORDED if known is None else f"{known:,}"


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent; neither 0 nor 100 unless it is."""
    whole = round(share * 100)
    return "<1 %" if not whole and share else ">99 %" if whole == 100 and share < 1 else f"{whole} %"


def rate(known: Rate) -> str:
    """Return a success rate with how sure it is."""
    if known.share is None:
        return "-"
    said = f"{known.helped:,} of {known.tried:,}"
    if known.too_few:
        return f"{said}, too few to tell"
    low, high = known.interval
    return f"{percent(known.share)} ({round(low * 100)}-{round(high * 100)} %), {said}"


def trend(rule: RuleReport) -> str:
    """Return how a rule's success rate has changed, "-" where it retried nothing."""
    if rule.before.retries is None:
        return NOT_RECORDED
    return TRENDS[rule.trend] if rule.rate.tried else "-"


def only_load(rule: RuleReport) -> str:
    """Say that the retries of a rule do not help, and what to do."""
    return (
        f"{rule_name(rule.rule_id)}: {rule.rate.helped:,} of {rule.rate.tried:,} retries helped. This rule is only load: let it "
        "hold the error for a person, or leave it"
    )


def roughly(span: timedelta) -> str:
    """Return a span of time in its largest unit; none where two clocks do not agree on which end is the first."""
    seconds = max(0.0, span.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size or (unit == "minute" and seconds >= size):
            return plural(int(seconds // size), unit)
    return plural(int(seconds), "second")


def place(ref: StepRef, account: AccountReport) -> str:
    """Return where a step is: by its names, by ids where they are not known."""
    step = account.steps.get(ref)
    if step is None or not (step.flow_name and step.name):
        return f"flow {clean(ref.flow_id)}, step {clean(ref.step_id)}"
    return f"{clean(step.flow_name)} › {clean(step.name)}"  # noqa: RUF001 - the sign between names


def incident(what: Incident, account: AccountReport) -> str:
    """Return what an incident is about."""
    if what.kind is IncidentKind.CONNECTION:
        return f"connection {clean(what.target)}"
    flow_id, _, step_id = what.target.partition("/")
    where = place(StepRef(account=account.name, flow_id=flow_id, step_id=step_id), account)
    return f"rule {clean(what.rule_id)} on {where}" if what.kind is IncidentKind.RULE else where


def lasted(what: Incident, window: Window) -> str:
    """Return how long an incident took."""
    if what.kind is IncidentKind.RULE:
        return "-"
    if what.ended_at is None:
        return f"open for {roughly(window.until - what.began_at)}"
    return roughly(what.ended_at - what.began_at)


def needs_people(account: AccountReport, window: Window) -> list[str]:
    """Return what somebody should do, the most pressing first."""
    said: list[str] = []
    if account.unknown:
        retries = "1 retry has" if account.unknown == 1 else f"{account.unknown:,} retries have"
        said.append(f"{retries} an unknown outcome: somebody must look in the target (flowmend errors --unknown)")
    expiring = sum(step.expiring for step in account.expiring)
    if expiring:
        said.append(
            f"{plural(expiring, 'open error')} will be deleted by the platform, with the retry data, within "
            f"{roughly(EXPIRES_WITHIN)}, or have been: it keeps them for about {roughly(PLATFORM_KEEPS)}"
        )
    held = sum(account.held.values())
    if held:
        queues = ", ".join(f"{clean(queue)} {number:,}" for queue, number in account.held.items())
        said.append(f"{plural(held, 'error')} held for people: {queues} (flowmend hold list)")
    if account.unmatched:
        share = percent(account.unmatched / account.open)
        said.append(
            f"{account.unmatched:,} of {plural(account.open, 'open error')} ({share}) that no rule takes (flowmend suggest)"
        )
    if account.oldest is not None and account.oldest.oldest_at is not None:
        age = roughly(window.until - account.oldest.oldest_at)
        said.append(f"the oldest open error is {age} old: {place(account.oldest.step, account)}")
    return said


def missing(account: AccountReport, window: Window) -> list[str]:
    """Return what the figures do not tell, and why."""
    recorded = _since("What is new and what left without Flowmend", account.recorded_since, "recordings.keep", window)
    return [*recorded, *_since("What was sent, and what came of it,", account.sent_since, "store.keep", window)]


def _since(what: str, since: datetime | None, key: str, window: Window) -> list[str]:
    """Say since when something is known, where that is not the whole time; *key* is the setting that says how long."""
    why = f"({key} in the configuration says how long that is kept.)"
    if since is None:
        return [f"{what} is not known: nothing is recorded. {why}"]
    if since > window.since:
        return [f"{what} is known from {day(since)} UTC on; nothing older is kept. {why}"]
    if since > window.before:
        return [f"{what} is not known of the period before, only from {day(since)} UTC on. {why}"]
    return []

"""Look at the channels by which people are told, without telling anybody anything."""

from collections.abc import Iterable, Sequence

from daemon.app.channels import address_of
from daemon.app.findings import Finding, Grade, Topic, counted
from daemon.core.actions import Rule
from daemon.core.exceptions import ConfigError
from daemon.logs import Secrets
from daemon.settings import Channel, Settings


def examine_channels(settings: Settings, secrets: Secrets, rules: Iterable[Rule] = ()) -> list[Finding]:
    """Return whether each channel has an address that can be used; only a message shows whether it is the right one.

    Channels that only *rules* name lead nowhere.
    """
    missing: dict[str, list[str]] = {}
    for rule in rules:
        for name in rule.notify:
            if name not in settings.notify:
                missing.setdefault(name, []).append(rule.id)
    found = [_examine(name, channel, secrets) for name, channel in settings.notify.items()]
    if not found:
        found = [_finding(Grade.OK, "none are configured ([notify]): nobody is told of anything")]
    return [*found, *(_unknown(name, ids) for name, ids in missing.items())]


def _unknown(name: str, rule_ids: Sequence[str]) -> Finding:
    more = f" and {counted(len(rule_ids) - 1, 'more rule')}" if len(rule_ids) > 1 else ""
    said = f"rule {rule_ids[0]}{more} would tell channel {name}, which is not configured: nobody is told"
    return _finding(Grade.WARNING, said, f"write [notify.{name}] in the configuration, or take it out of the rule")


def _examine(name: str, channel: Channel, secrets: Secrets) -> Finding:
    try:
        address_of(channel, secrets)
    except ConfigError as wrong:
        advice = "until then nobody is told through it, and what is to be told is given up after three days"
        return _finding(Grade.PROBLEM, f"channel {name}: {wrong}", advice)
    return _finding(Grade.OK, f"channel {name} has an address; flowmend notify test {name} sends a message there")


def _finding(grade: Grade, said: str, advice: str = "") -> Finding:
    return Finding(topic=Topic.NOTIFICATIONS, grade=grade, said=said, advice=advice)

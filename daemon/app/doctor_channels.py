"""Look at the channels by which people are told, without telling anybody anything."""

from daemon.app.channels import address_of
from daemon.app.findings import Finding, Grade, Topic
from daemon.core.exceptions import ConfigError
from daemon.logs import Secrets
from daemon.settings import Channel, Settings


def examine_channels(settings: Settings, secrets: Secrets) -> list[Finding]:
    """Return whether each channel has an address that can be used; only a message shows whether it is the right one."""
    if not settings.notify:
        return [_finding(Grade.OK, "none are configured ([notify]): nobody is told of anything")]
    return [_examine(name, channel, secrets) for name, channel in settings.notify.items()]


def _examine(name: str, channel: Channel, secrets: Secrets) -> Finding:
    try:
        address_of(channel, secrets)
    except ConfigError as wrong:
        advice = "until then nobody is told through it, and what is to be told is given up after three days"
        return _finding(Grade.PROBLEM, f"channel {name}: {wrong}", advice)
    return _finding(Grade.OK, f"channel {name} has an address; flowmend notify test {name} sends a message there")


def _finding(grade: Grade, said: str, advice: str = "") -> Finding:
    return Finding(topic=Topic.NOTIFICATIONS, grade=grade, said=said, advice=advice)

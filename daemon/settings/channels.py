"""The section of one notification channel: whom to tell, of what, how often."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from daemon.settings.sections import Section, refuse_at, secret_in
from daemon.settings.values import Duration, PathText

Event = Literal[
    "account.probed", "account.refused", "backlog.left", "batch.held", "batch.refused", "batch.sent",
    "batch.unknown", "breaker.closed", "breaker.opened", "breaker.probed", "case.separated", "config.loaded",
    "config.refused", "config.reloaded", "config.restart_needed", "cycle.failed", "cycle.finished",
    "daemon.cut_off", "daemon.started", "daemon.stopped", "departures.unread", "flow.failed", "job.failed",
    "limit.cleared", "limit.reached", "lock.failed", "lock.lost", "lock.refused", "lock.taken", "outcome.settled",
    "outcome.unknown", "plan.applied", "plan.deferred", "plan.interrupted", "plan.made", "queue.changed",
    "request.throttled", "rule.matched", "rules.fell_back", "rules.loaded", "rules.refused", "stage.failed",
    "step.failed", "step.freed", "step.halted", "step.read", "store.foreign", "store.lost", "store.migrated",
    "store.outdated", "store.pruned", "summary.unavailable", "supervisor.unheard", "writes.paused",
    "writes.resumed",
]  # fmt: skip
"""The events that people can be told of: those of the log, without debug's and those about telling people."""


class Channel(Section):
    """One way to tell people: an Apprise URL, or a webhook of one's own (docs/operations.md, Notifications)."""

    url: SecretStr | None = None
    """The address itself: an Apprise URL, or webhook+https://host/path. It usually holds a secret, so url_file or the
    environment is the better place."""

    url_file: PathText | None = None
    """The file that holds the address and nothing else, relative to the configuration file. It is read again for each
    message. A systemd credential "<channel>.apprise" takes its place."""

    secret_file: PathText | None = None
    """For a webhook: the file with the key of the signatures. A systemd credential "<channel>.secret" takes its place."""

    events: Annotated[tuple[Event, ...], Field(min_length=1, strict=False)]
    """The events that are sent to this channel. What ends one of them (breaker.closed, limit.cleared,
    writes.resumed) is sent, too."""

    min_interval: Duration = timedelta(minutes=5)
    """How long nothing more is sent of one kind of event after a message about it; what happens meanwhile is counted."""

    repeat: Duration = timedelta(hours=4)
    """How long the same event about the same thing is only counted after it was told."""

    max_per_hour: Annotated[int, Field(ge=1, le=1000)] = 12
    """Messages an hour at most. What is over it waits, and is told together."""

    digest: Duration = timedelta(hours=24)
    """How often people are told what waits for them: held errors by queue, unknown outcomes, plans, open breakers, pauses,
    refused rules. Nothing is sent where nothing waits; "0s" sends none."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise refuse_at("", "needs either url or url_file, and not both")
        return self

    def read_url(self) -> str:
        """Return the address as it is now; a file is read anew each time.

        Raises:
            ConfigError: the file cannot be read.
        """
        if self.url is not None:
            return self.url.get_secret_value()
        return secret_in(self.url_file or Path(), "address")

    def read_secret(self) -> str | None:
        """Return the key of a webhook's signatures, None where none is named.

        Raises:
            ConfigError: the file cannot be read.
        """
        return None if self.secret_file is None else secret_in(self.secret_file, "key").strip()

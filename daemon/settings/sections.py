"""The sections of the settings: every key with its default, its unit and the reason for it.

The paragraph under each field is what people read: in the JSON Schema, and beside a value that was refused.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from daemon.core.exceptions import ConfigError
from daemon.settings.values import ApiUrl, Duration, Names, Paths, PathText, StoreUrl, Token, at_least, clean_token

Positive = at_least(timedelta(milliseconds=1))
Second = at_least(timedelta(seconds=1))


class Section(BaseModel):
    """What all sections share: no unknown key, no silent conversion, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def refuse_at(key: str, text: str) -> PydanticCustomError:
    """Refuse the value of *key* of the section in hand ("": the section itself)."""
    return PydanticCustomError("refused", "{text}", {"text": text, "key": key})


def secret_in(file: Path, what: str) -> str:
    """Return the text of a file that holds a secret.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as failure:
        raise ConfigError(
            f"{what} file {file}: {failure.strerror}; it must be there and readable for the service's user"
        ) from failure
    except UnicodeDecodeError:
        raise ConfigError(f"{what} file {file}: not text; put the {what} alone into it") from None


class Account(Section):
    """One integrator.io account: where it is, who we are there, and which of its flows are ours."""

    base_url: ApiUrl = "https://api.integrator.io/v1"
    """Where the API is. A token of one region is refused by the others: Europe is https://api.eu.integrator.io/v1."""

    token: Token | None = None
    """The API token itself, from the environment only (a sandbox on this machine may have it in the file). It goes
    before token_file."""

    token_file: PathText | None = None
    """The file that holds the token and nothing else, relative to the configuration file. It is read again when it is
    needed, so a token can be replaced without a restart. A systemd credential "<account>.token" takes its place."""

    share_id: str = ""
    """The Integrator-AShareId, for a user who only has accounts that others share. Empty: the header is not sent."""

    include_flows: Names = ("*",)
    """Ids, names or globs of the flows to look after. The others are not even read."""

    exclude_flows: Names = ()
    """Ids, names or globs of flows to leave out of those. It goes before include_flows."""

    requests_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 50
    """Requests per second, on average. The platform refills 300 per second for all tools of an account together, so a
    sixth of that leaves room for the others."""

    def read_token(self) -> SecretStr:
        """Return the token as it is now; a file is read anew each time.

        Raises:
            ConfigError: there is none, or what the file holds cannot be one; do not call the platform.
        """
        if self.token is not None:
            return self.token
        if self.token_file is None:
            raise ConfigError("no token: name a token_file for the account")
        try:
            return SecretStr(clean_token(secret_in(self.token_file, "token")))
        except ValueError as wrong:
            raise ConfigError(f"token file {self.token_file}: {wrong}") from None


class Poll(Section):
    """How often and how far back open errors are read."""

    interval: Annotated[Duration, Second] = timedelta(minutes=1)
    """How often the summaries are read, at least 1s. A step's errors are read only when its summary changed."""

    quiet_interval: Annotated[Duration, Second] | None = None
    """How long an account in which nothing happens is left alone at most. Each cycle that found nothing new, sent nothing
    and waits for nothing puts the next one off, twice as long each time, up to this. At least one interval. Not given:
    never longer than interval."""

    overlap: Annotated[Duration, Positive] = timedelta(minutes=15)
    """How long before the watermark a window starts. Errors can be listed later than they occurred; those that arrive
    later than this are found by the full sweep only."""

    settle: Duration = timedelta(seconds=5)
    """How long before now a window ends, because the newest errors may still be on their way. Less than overlap."""

    lookback: Annotated[Duration, Positive] = timedelta(days=30)
    """How far back the first window of a step goes that was never seen. The platform keeps errors about 30 days."""

    full_sweep: Annotated[Duration, Positive] = timedelta(hours=6)
    """How often every step is read in full: an equal count can hide one error that left and one that came. At least
    one interval."""

    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """Steps read at the same time, 1 to 64. More than 8 were not faster in any measurement."""

    @property
    def longest(self) -> timedelta:
        """Return how long an account is left alone at most between two cycles."""
        return self.quiet_interval or self.interval

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.settle >= self.overlap:
            raise refuse_at("settle", "must be shorter than overlap, or windows would leave gaps between them")
        if self.longest < self.interval:
            raise refuse_at("quiet_interval", "must not be shorter than interval: quiet accounts are read less often")
        if self.longest > self.full_sweep >= self.interval:
            raise refuse_at("quiet_interval", "must not be longer than full_sweep, which happens in one of the cycles")
        if self.full_sweep < self.interval:
            raise refuse_at("full_sweep", "must not be shorter than interval: it happens in one of the cycles")
        return self


class Actions(Section):
    """How errors are acted on, whatever the rules say."""

    batch_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Errors in one call, 1 to 1000. A large batch is quick; a small one loses less when its answer is lost."""

    max_attempts_per_case: Annotated[int, Field(ge=1, le=100)] = 5
    """Retries of one business record, 1 to 100, over all rules, ids and restarts, those of other people included."""

    retry_max_age: Annotated[Duration, Positive] = timedelta(days=7)
    """Errors older than this are not retried: the data is a snapshot, and a late order may have been cancelled. A rule
    may only lower it."""

    adopt_backlog: bool = False
    """What happens to errors that were open before the store was new. false leaves them to people; true judges them
    like the rest (--adopt-backlog does that once)."""

    confirm_every: Annotated[Duration, Second] = timedelta(seconds=10)
    """How often the retry jobs under way are looked at, at least 1s."""

    confirm_timeout: Annotated[Duration, Positive] = timedelta(minutes=30)
    """After this an outcome that is not settled is unknown, and a person looks. At least confirm_every."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.confirm_timeout < self.confirm_every:
            raise refuse_at("confirm_timeout", "must not be shorter than confirm_every, or nothing is ever looked at")
        return self


class Limits(Section):
    """What one account may do, over every rule. Over a limit everything of that rule is held and reported."""

    retries_per_hour: Annotated[int, Field(ge=0)] = 1000
    """Retries an hour and account; 0 stops them. A storm of retries is how a robot does harm."""

    resolves_per_hour: Annotated[int, Field(ge=0)] = 200
    """Resolves an hour and account; 0 stops them. Nothing opens a resolved error again."""

    resolve_share_of_open: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    """The share, 0 to 1, of what was open on a step within an hour that one resolve rule may take (never less than 20). A
    rule that suddenly matches everything is a wrong rule."""


class Rules(Section):
    """Where the rule files are."""

    paths: Annotated[Paths, Field(min_length=1)] = (Path("rules"),)
    """Files and folders, relative to the configuration file (in the environment: to the working directory)."""

    watch: bool = True
    """Load changed rule files without a restart. A broken file never replaces the rules that are running."""


class Recordings(Section):
    """What is kept of judged errors, so that other rules can be tried on them: flowmend replay, flowmend diff."""

    keep: Duration = timedelta(days=30)
    """How long after an error has left, as the platform keeps errors itself. "0s" records nothing. An open error takes some
    ten bytes of the store for it, one that has left some 70."""

    messages: bool = False
    """Whether messages are kept with the values in them. false hides numbers, ids, e-mail addresses and what stands in
    quotes, so that a rule that looks for such a value cannot be tried on the past."""


class Store(Section):
    """Where Flowmend keeps what it knows and what it has sent."""

    url: Annotated[StoreUrl, Field(repr=False)] = "sqlite:////var/lib/flowmend/flowmend.db"
    """sqlite:///path/of/the/file.db (absolute) or sqlite:///./file.db (beside the configuration file). On a local disk:
    SQLite cannot lock safely on network shares."""

    keep: Annotated[Duration, at_least(timedelta(days=30))] = timedelta(days=90)
    """How long the retry data from before and after each patch (flowmend case shows both), old plans and old rule files
    are kept. At least 30d: as long as attempts on a record count, its old data may tell it from another."""


class Server(Section):
    """Where health and metrics are served."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on. 0.0.0.0 opens it to the network, which a container needs and a server rarely does."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """The TCP port; 0 takes any that is free."""


class Log(Section):
    """What the log on standard error looks like."""

    format: Literal["auto", "json", "logfmt", "console"] = "auto"
    """json and logfmt carry the same keys, console is for people; auto is console on a terminal and json elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important level that is written. debug has a line for every error matched."""

    messages: bool = False
    """Whether the errors' own text is logged, escaped and cut, in the lines that level debug has for each new error. It can
    hold personal data, hence false."""

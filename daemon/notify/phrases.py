"""What each event means for somebody who was woken by it: what happened, why it matters, which command to run.

``{name}`` is a fact of the event. What people are not expected to act on has no phrases; its facts are shown instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.core.notices import DIGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The sentences about one event; *title* is what fits onto a telephone's lock screen."""

    title: str
    what: str
    why: str = ""
    do: str = ""


TEST = "notify.test"
"""What a person sends to see whether a channel works; no event of the log."""

NO_RULES = Phrases(
    title="no rule in force: the rule files were refused",
    what="Mistakes in the rule files: {errors}. The first: {first}",
    why="No rule is in force: errors are read and counted, and nothing is done about them.",
    do="flowmend check shows all of them with their lines. Mended files are taken by themselves within seconds.",
)
"""What is said of ``rules.refused`` where there are no rules from before."""

OF_EVENT: Mapping[str, Phrases] = {
    "breaker.opened": Phrases(
        title="retries stopped: {kind} {name}",
        what="Nothing is retried on the {kind} {name} ({target}) until {until}: {reason}.",
        why="What fails there stays open until it recovers; Flowmend then tries a single record by itself.",
        do="Look whether the system behind it is up. flowmend errors --account {account} lists what is open.",
    ),
    "breaker.closed": Phrases(
        title="retries go on: {kind} {name}",
        what="A single record was retried on the {kind} {name} ({target}) with success: retries go there again.",
        do="Nothing to do.",
    ),
    "stage.failed": Phrases(
        title="retries of rule {rule} do not help",
        what="Of what rule {rule} retried together on step {name} ({flow_id}/{step_id}), {confirmed} succeeded and {failed} "
        "did not.",
        why="Fewer than nine in ten were helped, so the others may share a cause that retrying does not cure. The rule "
        "rests there, and goes on with single records.",
        do="flowmend errors --account {account} --rule {rule} shows them; mend the cause, or the rule.",
    ),
    "limit.reached": Phrases(
        title="over a limit: rule {rule}",
        what="Rule {rule} wants to {action} {held} errors, and all of them are held: {reason}.",
        why="Either very much has failed at once, or the rule matches more than was meant.",
        do="flowmend approve shows the plan that waits, flowmend approve PLAN sends it. It goes by itself when it is "
        "within the limit again.",
    ),
    "limit.cleared": Phrases(
        title="within its limit again: rule {rule}",
        what="Rule {rule} is not over a limit any more.",
        do="Nothing to do.",
    ),
    "account.refused": Phrases(
        title="token refused: {account}",
        what="integrator.io does not take the token of {account} (HTTP {status}): {reason}",
        why="No error of the account is read or retried until that is mended; it is tried again every five minutes.",
        do="flowmend doctor --account {account} says what is wrong. A new token is put in place of the old one in its file; "
        "under systemd, which hands a copy to the service, systemctl restart flowmend after that.",
    ),
    "batch.unknown": Phrases(
        title="an answer was lost: rule {rule}",
        what="{errors} errors were sent ({action}, rule {rule}, step {name} {step_id}), and the answer was lost: {reason}",
        why="It may have happened, so nothing is sent again; Flowmend reads on to find out by itself.",
        do="Nothing yet. If it cannot be found out, outcome.unknown in the log says so, and flowmend errors --unknown.",
    ),
    "outcome.unknown": Phrases(
        title="outcome unknown: rule {rule}",
        what="Nobody knows what came of errors that rule {rule} sent ({action}, step {name} {step_id}): {unknown}. {reason}",
        why="They are not sent again, as that could make an order twice; they stay open until a person has looked.",
        do="flowmend errors --unknown lists them; look into the target application, then flowmend case KEY --settle "
        "confirmed (or not-sent).",
    ),
    "rules.refused": Phrases(
        title="new rules refused",
        what="Mistakes in the rule files: {errors}. The first: {first}",
        why="The rules from before ({rules}, since {since}) stay in force, so what was changed has no effect.",
        do="flowmend check shows all of them with their lines.",
    ),
    "rules.fell_back": Phrases(
        title="started with the last good rules",
        what="The rule files were broken at the start; rule set {rules} ({count} rules) is in force.",
        why="What was changed since has no effect; with 0 rules nothing is acted on.",
        do="flowmend check shows what is wrong.",
    ),
    "config.refused": Phrases(
        title="configuration refused",
        what="The configuration cannot be used as it is now: {reason}",
        why="Everything stays as it was, but a restart would fail.",
        do="flowmend doctor shows all that is wrong with it.",
    ),
    "store.foreign": Phrases(
        title="the store is about another account: {account}",
        what="The store belongs to {belongs_to}, but the configuration leads to {found}.",
        why="Nothing of {account} is read or sent until that is cleared up.",
        do="{advice}",
    ),
    "store.outdated": Phrases(
        title="the store may be an old copy: {account}",
        what="Retry jobs of which the store knows nothing: {jobs}, the newest {newest_job} of {newest_at}.",
        why="What they ran could run twice, so errors from before now are left to people.",
        do="{advice}",
    ),
    "store.lost": Phrases(
        title="the service ends: its store is lost",
        what="{reason}",
        why="Without it Flowmend would forget what it has sent, so it stops.",
        do="Look at the disk and at who moved the file; docs/operations.md, The store, says what to do.",
    ),
    "lock.refused": Phrases(
        title="another process looks after {account}",
        what="{reason}",
        why="This process does nothing for the account.",
        do="Stop the one that should not run. This one takes over when the other ends.",
    ),
    "lock.lost": Phrases(
        title="another process has taken {account} over",
        what="{holder} holds the account now; this process was stopped or cut off from its store for too long.",
        why="This process does nothing for the account.",
        do="Stop the one that should not run.",
    ),
    "cycle.failed": Phrases(
        title="a cycle failed: {account}",
        what="A cycle or confirmation ended early. {reason}{failure}",
        why="The next one goes on; while it keeps failing nothing is read or retried.",
        do="flowmend doctor --account {account} looks at everything it needs.",
    ),
    "rule.matched": Phrases(
        title="rule {rule} has matched",
        what="New errors that rule {rule} has matched: {errors}. What was decided of them: {action}.",
        do="flowmend errors --account {account} --rule {rule} shows those that are open.",
    ),
    "writes.paused": Phrases(
        title="paused: {scope}",
        what="Writing to {scope} is paused by {by}. {reason}",
        why="Nothing is retried or resolved there until the pause ends; errors pile up.",
        do="flowmend resume ends it (or remove the PAUSE file).",
    ),
    "writes.resumed": Phrases(
        title="resumed: {scope}",
        what="Writing to {scope} goes on: the pause by {by} is over. {reason}",
        do="Nothing to do.",
    ),
    "backlog.left": Phrases(
        title="older errors are left to people: {account}",
        what="Errors of {account} that were open before this store was made, and are left to people: {errors}.",
        do="{advice} lets Flowmend act on them, too.",
    ),
    "plan.made": Phrases(
        title="a plan was made: {account}",
        what="Plan {plan} ({state}) has {send} of {due} errors of rules {rules}. {reason}",
        do="Where it waits, flowmend approve {plan} sends it.",
    ),
    DIGEST: Phrases(
        title="waiting for people: {account}",
        what="{summary}.",
        why="This waits for people; nobody else can go on with it.",
        do="{commands}",
    ),
    TEST: Phrases(
        title="a test of channel {channel}",
        what="This is a test. Whoever reads it is told what happens through channel {channel}.",
        do="Nothing to do.",
    ),
}

"""``flowmend notify``: whether people can be told."""

from typing import Annotated

import typer

from daemon.cli.options import Config, Json, make_log, read_settings

app = typer.Typer(help="Whether people can be told (the channels that the configuration names).", no_args_is_help=True)
ChannelName = Annotated[
    str | None, typer.Argument(metavar="CHANNEL", help="Only this channel; else all.", show_default=False)
]


@app.command("test")
def send_test(channel: ChannelName = None, config: Config = None, json: Json = False) -> None:
    """Send a message to each channel, now, and say whether it was taken. Exit code 4 where one was not."""
    from daemon.app.channels import try_channels
    from daemon.app.clock import SystemClock
    from daemon.app.event_loop import run_async
    from daemon.cli.exits import UNREACHABLE, complain
    from daemon.cli.render import print_json, say
    from daemon.core.exceptions import ConfigError

    settings = read_settings(config, offline=True)
    if channel is not None and channel not in settings.notify:
        raise ConfigError(
            f'there is no channel "{channel}" in the configuration; there are: {", ".join(settings.notify) or "none"}'
        )
    if not settings.notify:
        raise ConfigError("the configuration names no channel: write [notify.ops] with url_file and events")
    _, secrets = make_log(settings, quiet=True)
    names = [channel] if channel is not None else list(settings.notify)
    failed = run_async(try_channels(settings, names, clock=SystemClock(), secrets=secrets))
    if json:
        print_json([{"channel": name, "sent": name not in failed, "reason": failed.get(name, "")} for name in names])
    for name in names:
        if name in failed:
            complain(f"{name}: not sent. {failed[name]}")
        elif not json:
            say(f"{name}: sent. Has it arrived?")
    raise typer.Exit(UNREACHABLE if failed else 0)

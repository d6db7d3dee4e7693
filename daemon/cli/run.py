"""``flowmend run``: the service."""

from daemon.cli.options import Config, make_log, read_settings


def run(config: Config = None) -> None:
    """Run the service until it is told to stop (SIGTERM). SIGHUP loads the rules again."""
    import asyncio

    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.service import Service, Signals

    async def serve() -> None:
        signals = Signals()
        signals.install()
        settings = read_settings(config)
        log, secrets = make_log(settings)
        log.info("config.loaded", file=str(settings.describe_sources().file or ""), mode=settings.mode.name.lower())
        async with open_daemon(settings, log=log, secrets=secrets, clock=SystemClock(), command="run") as daemon:
            await Service(daemon=daemon, signals=signals).run()

    asyncio.run(serve())

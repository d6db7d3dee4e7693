"""``flowmend run``: the service."""

from daemon.cli.options import Config, make_log, read_settings


def run(config: Config = None) -> None:
    """Run the service until it is told to stop (SIGTERM). SIGHUP loads the configuration and the rules again."""
    import os

    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.configuration import Configuration
    from daemon.app.event_loop import keep_what_is_there, run_async
    from daemon.app.observed import Observed
    from daemon.app.service import Service, Signals
    from daemon.app.supervisor import Supervisor
    from daemon.logs import Audience, Threshold
    from daemon.web.server import serve as serve_http

    async def serve() -> None:
        signals = Signals()
        signals.install()
        settings = read_settings(config)
        threshold = Threshold(level=settings.log.level)
        audience = Audience()
        log, secrets = make_log(settings, threshold=threshold, audience=audience)
        file = settings.describe_sources().file
        log.info("config.loaded", file=str(file or ""), mode=settings.mode.name.lower())
        supervisor = Supervisor.from_environment(os.environ, log)
        supervisor.status("opening the store and loading the rules")
        async with open_daemon(
            settings, log=log, secrets=secrets, clock=SystemClock(), command="run", audience=audience
        ) as daemon:
            configuration = Configuration(
                daemon=daemon,
                settings=settings,
                read=lambda: read_settings(file or config),  # where it goes away, not what is left without it
                threshold=threshold,
                secrets=secrets,
            )
            observed = Observed(daemon=daemon, started_at=daemon.clock.now(), configuration=configuration)
            service = Service(daemon=daemon, signals=signals, configuration=configuration, supervisor=supervisor)
            keep_what_is_there()
            async with serve_http(settings.server.host, settings.server.port, observed, log):
                await service.run()

    run_async(serve())

"""``flowmend sandbox``: an integrator.io on this machine, to try rules on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

World = Annotated[Literal["shop", "tiny", "empty"], typer.Option("--world", help="Which world to serve.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same world.")]
ErrorCount = Annotated[
    int | None,
    typer.Option(
        "--errors", min=0, max=1_000_000, help="How many open errors. Else the world's own.", show_default=False
    ),
]
Faults = Annotated[
    str,
    typer.Option("--faults", metavar="LIST", help='What goes wrong: "POST retry:1:after,GET errors:3-7:throttle:30".'),
]
JobSeconds = Annotated[float, typer.Option("--job-seconds", min=0, help="How long a retry job takes.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port on 127.0.0.1; 0 takes any that is free.")]

Practice = Annotated[
    Path | None,
    typer.Option(
        "--practice",
        metavar="FOLDER",
        help="Make this folder, with a configuration and a copy of the shipped rules to practise with.",
        show_default=False,
    ),
]


def sandbox(
    world: World = "shop",
    seed: Seed = 1,
    errors: ErrorCount = None,
    faults: Faults = "",
    job_seconds: JobSeconds = 1.0,
    port: Port = 8766,
    practice: Practice = None,
) -> None:
    """Serve an integrator.io on loopback, with open errors to practise on. It keeps the truth at /_sandbox/state.

    The token is "sandbox-token".

    \b
    A fault is <endpoint>:<call>:<kind>, several with commas between.
      call   1 (the first) · 3-7 (a run of calls) · * (every one) · *5 (every fifth)
      kind   before, hang: nothing is done, no answer comes · after, hang_after, half_body: done, no whole answer
             status:503 (refused; 401 403 404 408 422 429 500 502 503 504) · late:502 (done, and a 502 all the same)
             throttle:30 (429 with this Retry-After; also none, date, past, junk) · not_json · wrong_types
             job:hangs, job:fails, job:halves, job:vanishes: the retry job that POST retry starts
             meanwhile:resolve (a colleague, just before; also retry assign edit vanish auto_resolve auto_retry
             disable offline revoke) · clock:2h, clock:-90s: the platform's clock jumps
    An endpoint that is not known is refused with the list of all.
    """  # noqa: D301 - the one that keeps click from filling the lines
    import asyncio
    import errno
    import os
    import signal

    from daemon.app.clock import SystemClock
    from daemon.app.practice import make_practice
    from daemon.cli.render import say
    from daemon.core.exceptions import ConfigError
    from daemon.sandbox import Options, Sandbox, make_world, parse_faults

    try:
        planned = parse_faults(faults)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--faults") from None

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        clock = SystemClock()
        made = make_world(world, seed=seed, errors=errors, now=clock.now())
        server = Sandbox(
            made, clock=clock.now, options=Options(job_seconds=job_seconds, rate_limit=True), faults=planned
        )
        try:
            url = await server.start(port=port)
        except OSError as refused:
            raise ConfigError(
                f"port {port} on 127.0.0.1 cannot be used ({os.strerror(refused.errno or errno.EIO)}): is it "
                "another sandbox's? Choose another with --port (0 takes any that is free)"
            ) from None
        try:
            made_now = practice is not None and make_practice(practice, url)
            say(f"integrator.io sandbox at {url}  (world {world}, seed {seed}; token sandbox-token; Ctrl-C stops it)")
            if practice is not None:
                kept = "is as you left it, but the shop begins anew: remove its flowmend.db to begin anew with it"
                say(f"{practice} {'was made' if made_now else kept}. In another terminal:")
                say(f"  cd {practice} && flowmend once      # reads and judges; then flowmend suggest, test, plan, run")
            await stop.wait()
        finally:
            await server.stop()

    asyncio.run(serve())

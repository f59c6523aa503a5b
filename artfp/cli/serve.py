"""`artfp serve`: a detector for the public."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from artfp.cli.console import command_errors, device_option, err, registry_option, warn
from artfp.cli.inputs import codecs_option
from artfp.errors import UsageError
from artfp.serve.settings import MB, Bench, Limits, Settings, is_loopback, network

if TYPE_CHECKING:
    from artfp.serve.inquiries import Ready

AUDIT = "serve-audit.jsonl"  # beside the registry
NEEDED = ("starlette", "uvicorn", "python_multipart")
USUAL = Limits()

F = TypeVar("F", bound=Callable[..., Any])


def _limit(flag: str, default: float, words: str) -> Callable[[F], F]:
    """An option with a bound; `flag` may be followed by what `Limits` calls it."""
    kind = click.FloatRange(0, min_open=True) if isinstance(default, float) else click.IntRange(1)
    return click.option(*flag.split(), type=kind, default=default, show_default=True, help=words)


@click.command()
@click.option("--key", metavar="NAME", help="Try only this key and its class keys NAME/CLASS.")
@codecs_option
@click.option("--fast", is_flag=True, help="Read each image once: those that were cut or turned may be missed.")
@click.option(
    "--show",
    "shown",
    metavar="KEY=TEXT",
    multiple=True,
    help="What the public calls a key, where that is not its name here. May be repeated.",
)
@click.option(
    "--three-words",
    is_flag=True,
    help="Say inconclusive where p lies between 1e-6 and 1e-3, not no match. It helps who tries to forge a key.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8008, show_default=True, help="The port; 0: any free.")
@click.option(
    "--behind-proxy",
    "proxies",
    metavar="ADDRESS",
    multiple=True,
    help="Believe this proxy (address or network) what X-Forwarded-For says of the client. May be repeated.",
)
@_limit("--max-mb", USUAL.request_bytes / MB, "Megabytes in a request.")
@_limit("--max-images images", USUAL.images, "Images in a request.")
@_limit(
    "--min-images least_images",
    USUAL.least_images,
    "More than 1: judge sets alone, of so many different images at least, by their mean alone.",
)
@_limit("--max-megapixels", USUAL.pixels / MB, "Megapixels of an image.")
@_limit("--per-minute", USUAL.per_minute, "Images of one client that are judged in a minute; large ones count more.")
@_limit("--per-day", USUAL.per_day, "The same in a day.")
@_limit("--at-once requests", USUAL.requests, "Requests under way; beyond them the server is full.")
@_limit("--at-once-each requests_each", USUAL.requests_each, "Requests of one client under way.")
@_limit("--upload-seconds", USUAL.upload_seconds, "How long an upload may take.")
@_limit("--judging-seconds", USUAL.judging_seconds, "How long a judgement may take, waiting included.")
@click.option(
    "--audit",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Where to write down who asked what and was told what [default: {AUDIT} beside the registry].",
)
@_limit("--audit-mb", 50.0, "Megabytes of the audit log before it begins anew; one earlier file is kept.")
@registry_option
@device_option
@command_errors
def serve(
    key: str | None,
    codec_specs: tuple[str, ...],
    fast: bool,
    shown: tuple[str, ...],
    three_words: bool,
    host: str,
    port: int,
    proxies: tuple[str, ...],
    audit: Path | None,
    audit_mb: float,
    registry: Path,
    device: str,
    **bounds: Any,
) -> None:
    """Serve a page and an API on which strangers ask whether images carry a registered key.

    They are told match or no match and the name of a key that is proved: no p beyond the threshold, no bits. The
    address is printed on stdout. SIGINT and SIGTERM end it when all that runs is answered (exit code 0).

    What it answers, what it never tells, and how to run it in public: docs/serve.md. Needs the extra `serve`.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"artfp serve needs {', '.join(missing)}: pip install 'artfp[serve]'")
    limits = _limits(**bounds)
    settings = Settings(
        limits=limits,
        host=host,
        port=port,
        proxies=tuple(network(each) for each in proxies),
        audit=audit or registry.with_name(AUDIT),
        audit_bytes=round(audit_mb * MB),
    )
    bench = Bench(
        registry, key, codec_specs, device, fast, limits.pixels, limits.least_images, three_words, _names(shown)
    )
    _serve(settings, bench)


def _limits(max_mb: float, max_megapixels: float, **counts: Any) -> Limits:
    return Limits(request_bytes=round(max_mb * MB), pixels=round(max_megapixels * MB), **counts)


def _names(shown: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in shown]
    if wrong := next((text for text, (key, _, name) in zip(shown, pairs, strict=True) if not (key and name)), None):
        raise UsageError(f"--show {wrong}: give KEY=TEXT")
    return {key: name for key, _, name in pairs}


def _serve(settings: Settings, bench: Bench) -> None:
    from artfp.serve.app import Detector
    from artfp.serve.journal import Journal
    from artfp.serve.limits import Gate
    from artfp.serve.server import listening, run, url_of
    from artfp.serve.waiting import Queue
    from artfp.serve.worker import Worker

    with listening(settings) as listener, closing(Worker(bench)) as worker:
        _tell(settings, bench, worker.start())
        with (
            closing(Journal(settings.audit, settings.audit_bytes)) as journal,
            closing(Queue(worker.ask, settings.limits.judging_seconds)) as queue,
        ):
            detector = Detector(settings, queue, Gate(settings.limits), journal, bench.three_words)
            run(detector, settings, listener, lambda: click.echo(url_of(listener)))


def _tell(settings: Settings, bench: Bench, ready: Ready) -> None:
    """What the operator should know, on stderr."""
    err.print(
        f"{ready.trials:,} key(s) tried with {', '.join(ready.codecs)}; audit log: {settings.audit}", markup=False
    )
    if ready.unused and bench.key is None:
        warn(f"not tried: {ready.unused:,} key(s) that were never used with a codec")
    if not is_loopback(settings.host):
        warn(
            f"--host {settings.host}: whoever reaches this address can ask, and what is sent can be read on the way. "
            "In public, listen at 127.0.0.1 and put a proxy with TLS before it (docs/serve.md)"
        )

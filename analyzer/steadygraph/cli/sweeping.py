"""From the options of ``steadygraph sweep`` and ``merge`` to their table and exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygraph import config
from steadygraph.cli import signals, streams
from steadygraph.cli.progress import Progress
from steadygraph.errors import UsageError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.rule.packs import load_packs, selection
from steadygraph.sweep import folder, merging, suites, table
from steadygraph.sweep.entry import exit_code
from steadygraph.sweep.plan import Shard
from steadygraph.sweep.sweeping import Asked, Sweeping


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of ``steadygraph sweep``."""

    texts: tuple[str, ...]
    out: Path | None
    given: Mapping[str, object]
    shard: str | None
    ray: str | None
    resume: bool
    last: Path | None
    format: str
    only_list: bool
    quiet: bool


def run(command: Command) -> int:
    """Sweep, show the table, and give the exit code."""
    options = _options(command.given)
    _require_format(command.format)
    shard = Shard() if command.shard is None else Shard.parsed(command.shard)
    selection(load_packs(), options.settings.select, options.settings.ignore)
    found = suites.resolved(command.texts)
    if command.only_list:
        return _listed(found, shard)
    if command.out is None:
        raise UsageError("--out is missing", hint="name a directory for the reports: --out DIR")
    asked = Asked(
        command.texts, found, command.out, options, shard, command.resume, command.last, command.ray, command.quiet
    )
    sweeping = Sweeping(asked)
    sweeping.prepare()
    interrupted = None
    try:
        _do(sweeping, quiet=command.quiet)
    except KeyboardInterrupt as interrupt:
        interrupted = signals.exit_code(interrupt)
    finally:  # what is finished is told, whatever ended it
        now = folder.read(command.out)
        kept = [sweeping.kept[each.target] for each in now.entries if each.target in sweeping.kept]
        missing = [target for target in now.manifest.part if target not in sweeping.kept]
        streams.emit(table.FORMATS[command.format](kept, missing))
    return interrupted or exit_code(kept, options.fail_on)


def merged(folders: Sequence[Path], out: Path | None, given: Mapping[str, object], format: str) -> int:
    """Make one sweep of several, show its table, and give the exit code."""
    options = _options(given)
    _require_format(format)
    whole = merging.merged([folder.read(each) for each in folders])
    if out is not None:
        merging.store(whole, out)
    for shard in whole.absent:
        streams.remark(f"shard {shard} is not there: its targets are not run")
    streams.emit(table.FORMATS[format](whole.entries, whole.missing))
    return exit_code(whole.entries, options.fail_on, missing=len(whole.missing))


def _do(sweeping: Sweeping, *, quiet: bool) -> None:
    total, before = len(sweeping.orders) + len(sweeping.kept), len(sweeping.kept)
    if before and not quiet:
        streams.remark(f"{before:,} of {total:,} targets are done already")
    if sweeping.times is not None and not quiet:
        streams.remark(f"what took longest in {sweeping.times} begins first")
    progress = Progress([order.target for order in sweeping.orders], shown=not quiet)
    with progress, contextlib.closing(sweeping.entries(progress.start)) as entries:
        for number, (index, entry) in enumerate(entries, before + 1):
            progress.done(index)
            if not quiet and progress.display is None:
                streams.remark(f"[{number}/{total}] {table.line(entry)}")


def _listed(found: suites.Suites, shard: Shard) -> int:
    part = shard.part(found.requests)
    streams.emit("".join(f"{request.target}\n" for request in part))
    of = "" if shard.of == 1 else f" of {len(found.requests):,}, shard {shard}"
    streams.remark(f"{len(part):,} target{'' if len(part) == 1 else 's'}{of}")
    return 0


def _options(given: Mapping[str, object]) -> config.Options:
    wanted = {name: value for name, value in given.items() if value not in (None, [])}
    return config.options({**config.from_file(Path.cwd()), **config.checked(wanted)})


def _require_format(format: str) -> None:
    if format not in table.FORMATS:
        raise UsageError(f"unknown format {format!r}", hint=question_or_list(format, table.FORMATS, "formats"))

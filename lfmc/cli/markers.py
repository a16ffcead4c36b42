"""Stages of a flow whose training did not reach its target: markers and a message, no error."""

from pathlib import Path

import click

from lfmc.cli.options import Run


def passed_on(
    run: Run,
    place: tuple[str, str, str],
    source: Path,
    *outputs: Path,
    columns: tuple[str, ...] = (),
    write: bool = True,
) -> bool:
    """Whether `source` marks a target that was not reached; the outputs are then marked too.

    Args:
        place: stage, ensemble and sampler.
        source: the model, proposals or chain that the stage reads.
        outputs: what it would write.
        columns: of its table.
        write: whether this rank writes and speaks.
    """
    from lfmc.not_reached import not_reached, write_marker

    missed = not_reached(source)
    if missed is None:
        return False
    if write:
        from lfmc.config import stage_settings
        from lfmc.provenance import stamp

        mark = stamp(stage_settings(run.config, *place), (source,))
        for path in outputs:
            write_marker(path, missed, mark, columns)
        click.echo(f"{' '.join(place)}: left out, {missed}", err=True)
    return True

"""What `lfmc train` leaves: models as their targets pass, tables, and what was not reached."""

import shlex
import time
from pathlib import Path
from typing import Any

from lfmc.cli.options import Run
from lfmc.cli.progress import say

ADVICE = {
    "flow.training": "raise it and continue from the checkpoint with '{command}'",
    "the loss": "give flow.model more layers or channels (docs/is-my-flow-good.md)",
    "nothing": "begin at an easier ensemble (flow.start) or with another flow.model "
    "(docs/is-my-flow-good.md)",
}


class LiveHistory:
    """The history of a training at work, for those who plot it: work/train/E/history.csv.

    The published history.csv is written when the training has ended.
    """

    def __init__(self, path: Path, every: float = 5.0) -> None:
        """Args: every: seconds between two versions of the file."""
        self.path, self.every = path, every
        self.written = -every

    def update(self, history: list[dict[str, Any]]) -> None:
        import pandas

        from lfmc.provenance import stamp
        from lfmc.table_files import write_table

        if time.monotonic() - self.written >= self.every:
            write_table(self.path, pandas.DataFrame(history), stamp({"stage": "train"}))
            self.written = time.monotonic()


def publish_model(run: Run, ensemble: str, trainer: Any, record: dict[str, Any]) -> None:
    """Write the model of a target that has passed, unless it is there already, and say so."""
    from lfmc.config import stage_settings
    from lfmc.flows.build import holds_model, save_flow, trained_flow
    from lfmc.flows.exactness import LARGEST, log_q_error
    from lfmc.proposals.generate import drawing
    from lfmc.provenance import stamp
    from lfmc.training.records import reached, row_of, same_model

    passed = reached(run.config, trainer.state)
    name = next(flow for flow, entry in passed.items() if entry["target"] == record["target"])
    row = row_of(run.config, ensemble, name, record, trainer.origin)
    path = run.path("train", ensemble, name, ".safetensors")
    chosen, parameters = run.ensemble(ensemble), record["weights"]
    same = [flow for flow, entry in passed.items() if flow != name and same_model(entry, record)]
    message = (
        f"train {ensemble}: {name} after {row['steps']} steps, {row['seconds']:.1f} s: "
        f"acceptance {row['acceptance_q']:.4f} (model) {row['acceptance_p']:.4f} (target), "
        f"ESS {row['ess']:.3f}"
    )
    if same:
        message += f"; the same model as {same[0]}, which passed both targets"
    if holds_model(path, row, parameters):
        say(message)
        return
    flow = trained_flow(chosen, trainer.config.flow, parameters)
    error = log_q_error(flow, draw=drawing(flow))
    if error is not None and error > flow.inverse_tolerance:
        say(
            f"train {ensemble}: warning: log q of {name} is off by up to {error:.0e}; "
            "its chain is biased by as much, so raise flow.model.steps"
        )
    notes: dict[str, Any] = {
        "training": row,
        "log_q_error": error,
        "same_as": same[0] if same else "",
    }
    mark = stamp(stage_settings(run.config, "train", ensemble))
    if run.config.flow.layers_tried:
        notes["tried"] = [depth._asdict() for depth in trainer.tried]
    save_flow(path, parameters, trainer.config.flow, chosen, provenance=mark, **notes)
    if error is not None:
        say(f"{message}, log q error {error:.0e}")
    elif flow.one_to_one:
        say(f"{message} (log q is compared with the Jacobian of the map up to {LARGEST} sites)")
    else:
        say(message)


def publish_tables(run: Run, ensemble: str, trainer: Any, limit: str) -> None:
    """history.csv, training.csv, and markers of the targets that were not reached."""
    import pandas

    from lfmc.config import stage_settings
    from lfmc.not_reached import write_marker
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table
    from lfmc.training.records import missed, records

    mark = stamp(stage_settings(run.config, "train", ensemble))
    for lost in missed(run.config, ensemble, trainer.state, limit):
        write_marker(run.path("train", ensemble, lost.sampler, ".safetensors"), lost, mark)
    rows = records(run.config, ensemble, trainer.state, trainer.origin, limit)
    history = pandas.DataFrame(trainer.state.history)
    write_table(run.path("train", ensemble, "history", ".csv"), history, mark)
    write_table(run.path("train", ensemble, "training", ".csv"), pandas.DataFrame(rows), mark)


def warn_of_missed(config: Any, ensemble: str, state: Any, limit: str, command: list[str]) -> None:
    """One line on the targets that were not reached, and on how to reach them."""
    from lfmc.training.records import missed

    lost = missed(config, ensemble, state, limit)
    if not lost:
        return
    flows = ", ".join(entry.sampler for entry in lost)
    advice = next(text for begin, text in ADVICE.items() if limit.startswith(begin))
    say(
        f"lfmc: warning: {command[1]} {ensemble}: {flows}: {lost[0]}; the run goes on without. "
        f"To reach more, {advice.format(command=shlex.join(command))}, or lower the target"
    )

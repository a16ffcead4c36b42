"""What a block of proposals costs, where, for docs/scaling.md.

    python benchmarks/studies/scaling.py CONFIG ENSEMBLE SAMPLER [BLOCKS]

Reads the trained model below the configuration's results. CPU seconds of this process, not wall
time: the figures hold on a machine that others use too.
"""

import sys
import tempfile
import time
from pathlib import Path

START = time.process_time()

from lfmc.clock import Spent  # noqa: E402
from lfmc.config import read_config  # noqa: E402
from lfmc.proposals import generate, parts, propose  # noqa: E402 (their import is what is measured)

NOTHING = Spent(0.0, 0.0)


def main() -> None:
    """Print one figure per line."""
    config = read_config(sys.argv[1])
    ensemble, sampler = sys.argv[2:4]
    blocks = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    model = Path(config.results) / "train" / ensemble / f"{sampler}.safetensors"
    task = generate.proposal_task(config, ensemble, sampler, model)
    ready = time.process_time()
    line("start of a rank (imports, model)", ready - START, "s")
    generate.make_block(task, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = parts.part_path(Path(folder), 1, 0)
        made = [generate.make_block(task, i) for i in range(blocks)]
        making = cpu(lambda: [generate.make_block(task, i) for i in range(blocks)])
        laid = cpu(lambda: parts.Part(task, path, range(blocks), "{}").__exit__())
        with parts.Part(task, path, range(blocks), "{}") as part:
            began = time.perf_counter()
            written = cpu(lambda: [part.write(i, block, NOTHING) for i, block in enumerate(made)])
            on_disk = time.perf_counter() - began
        size = path.stat().st_size / blocks
        read = cpu(lambda: parts.read_part(task, path))
    line(f"proposals, block of {task.size}", 1e6 * making / blocks / task.size, "us each")
    line("laying out a part", 1e3 * laid, "ms")
    line("writing a block, with checksum", 1e3 * written / blocks, "ms")
    line("the same in wall time, on disk", 1e3 * on_disk / blocks, "ms")
    line("checking a block", 1e3 * read / blocks, "ms")
    for ranks in (1, 100, 10_000):
        joining(config, task, ranks)
    line("size of a block", size / 1e6, "MB")
    line("size of a proposal", size / task.size, "bytes")


def joining(config, task, ranks: int) -> None:
    """Publishing as many parts, of one block each and never made: the file is all that is timed."""
    many = config.model_copy(
        update={"statistics": config.statistics.model_copy(update={"configurations": ranks * 4096})}
    )
    task = task._replace(config=many)
    made = [
        parts.Made(block, bytes(32), NOTHING, f"part-001-{block:05d}.h5", block)
        for block in range(task.blocks)
    ]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "x.h5"
        digests = {one.part: "0" * 64 for one in made}
        joined = cpu(lambda: propose.publish(task, output, made, "{}", digests))
        line(f"joining {ranks} parts", joined, "s")
        line(f"size of the joining file of {ranks} parts", output.stat().st_size / 1e6, "MB")


def cpu(work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def line(what: str, value: float, unit: str) -> None:
    print(f"{what:40s} {value:10.3f} {unit}")


if __name__ == "__main__":
    main()

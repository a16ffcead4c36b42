"""What a block of proposals costs, where, for docs/scaling.md.

    python benchmarks/scaling.py CONFIG ENSEMBLE SAMPLER [BLOCKS]

Reads the trained model below the configuration's results. CPU seconds of this process, not wall
time: the figures hold on a machine that others use too.
"""

import sys
import tempfile
import time
from pathlib import Path

START = time.process_time()

from lfmc import proposals  # noqa: E402 (its import is what is measured)
from lfmc.config import read_config  # noqa: E402


def main() -> None:
    """Print one figure a line."""
    config = read_config(sys.argv[1])
    ensemble, sampler = sys.argv[2:4]
    blocks = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    model = Path(config.results) / "train" / ensemble / f"{sampler}.safetensors"
    task = proposals.job(config, ensemble, sampler, model)
    ready = time.process_time()
    line("start of a rank (imports, model)", ready - START, "s")
    proposals.make_block(task, 0)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = cpu(lambda: [proposals.make_block(task, i) for i in range(blocks)])
        both = cpu(lambda: [proposals.write_block(task, work, i) for i in range(blocks)])
        size = sum(p.stat().st_size for p in work.iterdir()) / blocks
        read = cpu(lambda: [proposals.read_block(task, work, i) for i in range(blocks)])
    line(f"proposals, block of {task.size}", 1e6 * made / blocks / task.size, "us each")
    line("writing a block, with checksum", 1e3 * max(both - made, 0) / blocks, "ms")
    line("checking a block", 1e3 * read / blocks, "ms")
    line("size of a block", size / 1e6, "MB")
    line("size of a proposal", size / task.size, "bytes")


def cpu(work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def line(what: str, value: float, unit: str) -> None:
    print(f"{what:40s} {value:10.3f} {unit}")


if __name__ == "__main__":
    main()

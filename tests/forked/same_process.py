"""What a fork has from its server and cannot change; whoever requests it must have the same."""

import os
import resource
import sys

# Read by libraries when they are imported.
PREFIXES = (
    "ATEN_", "CUDA_", "DNNL_", "GOMP_", "KMP_", "LD_", "LFMC_SITE", "MKL_", "MPL", "NPY_", "NUMBA_",
    "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON", "TORCH_",
)  # fmt: skip
NAMESPACES = ("ipc", "mnt", "net", "pid", "user", "uts")


def settings() -> list[object]:
    """Of this process: libraries, interpreter, limits, rights and namespaces."""
    limits = [
        resource.getrlimit(getattr(resource, name))
        for name in sorted(dir(resource))
        if name.startswith("RLIMIT_")
    ]
    mask = os.umask(0)
    os.umask(mask)
    return [
        sorted(item for item in os.environ.items() if item[0].startswith(PREFIXES)),
        [os.path.realpath(f"{sys.prefix}/lib"), *map(str, sys.flags), *sys.warnoptions],
        [list(limit) for limit in limits],
        [mask, *os.getresuid(), *os.getresgid()],
        sorted(os.sched_getaffinity(0)),
        [os.readlink(f"/proc/self/ns/{name}") for name in NAMESPACES],
    ]

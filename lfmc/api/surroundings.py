"""Torch's global state during a call of the API; the user's state is restored after it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def own_torch() -> Iterator[None]:
    """Set one thread, gradients and float32 on the CPU; restore the user's state at the end.

    Results do not depend on how many threads, which precision or which device the user has chosen,
    and the state of the user's random generators does not change.
    """
    import torch

    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    random = torch.default_generator.get_state()
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
            torch.set_num_threads(1)
            torch.set_default_dtype(torch.float32)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.default_generator.set_state(random)


@contextmanager
def counted(label: str, shown: bool, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for (done, total), or nothing."""
    if not shown:
        yield lambda done, total: None
        return
    from lfmc.cli.progress import progress

    with progress(label, unit) as report:
        yield report


@contextmanager
def approached(label: str, shown: bool, target: float) -> Iterator[Callable[[Any], None]]:
    """A bar of the acceptance of a training's states, or nothing."""
    if not shown:
        yield lambda state: None
        return
    from lfmc.cli.progress import towards

    with towards(label, "acceptance") as report:

        def show(state: Any) -> None:
            last = state.history[-1]
            more = f"step {state.step}, loss {last['loss']:.3f}, ESS {last['ess']:.3f}"
            report(last["acceptance_q"], target, more)

        yield show

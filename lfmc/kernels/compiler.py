"""How numba compiles kernels: to machine code that is the same in every process.

A kernel that calls kernels carries copies of them in its own machine code, each optimised once more
than where it was compiled, so that sums and products may be contracted differently. By numba's
defaults a copy runs or not as the process happened to load kernels: the linker binds calls to the
copy that came first under a name, and names count the functions that a process has compiled. Here

- a kernel calls the copies that it carries, which no other kernel sees;
- the name of a kernel tells its code, so that kernels compiled by several processes meet as if they
  were compiled by one.
"""

import hashlib
from types import CodeType
from typing import Any

from llvmlite import binding  # type: ignore[import-untyped]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _Library(JITCodeLibrary):
    """The machine code of a kernel, in which the kernels that it calls have no name outside."""

    def _finalize_final_module(self) -> None:
        self._set(binding.Linkage.linkonce_odr, binding.Linkage.internal)
        super()._finalize_final_module()

    def _get_module_for_linking(self) -> Any:
        """What its callers get: copies under their names, of which a caller keeps one."""
        self._ensure_finalized()
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            for function in self._shared_module.functions:
                if not function.is_declaration:
                    function.linkage = binding.Linkage.linkonce_odr
        return self._shared_module

    def _set(self, before: Any, after: Any) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == before:
                function.linkage = after


class KernelCompiler(Compiler):
    """Numba's pipeline with such names and libraries."""

    def define_pipelines(self) -> Any:
        state = self.state
        if "<locals>" not in state.func_id.func_qualname:  # else numba's count tells them apart
            state.func_id.unique_id = _digest(state.func_id.code)
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().define_pipelines()


def _digest(code: CodeType) -> str:
    """Of what a function does, not of where it stands."""
    constants = [c.co_code if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    found = repr((code.co_code, code.co_names, code.co_varnames, constants))
    return hashlib.sha256(found.encode()).hexdigest()[:8]

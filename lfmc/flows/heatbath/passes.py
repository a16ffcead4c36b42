"""The compiled passes of the default flow, as `lfmc.flows.passes` asks for them."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lfmc.flows.heatbath.adjoint import Scoring, scoring
from lfmc.flows.heatbath.arrays import FlowArrays, flow_arrays
from lfmc.flows.heatbath.draw import (
    draw,
    field_log_q,
    field_log_weight,
    field_normals,
    model_log_weight,
)
from lfmc.flows.heatbath.draw_scores import scored
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.log_weight_gradient import (
    GradientArrays,
    gradient_arrays,
    log_weight_gradient,
)
from lfmc.flows.passes import Scores
from lfmc.lattice import FloatArray


class CompiledPasses:
    """Of a flow on the CPU; its weights are read when they are first needed, and kept."""

    compiled = True

    def __init__(self, flow: HeatbathFlow) -> None:
        self.flow = flow

    @cached_property
    def _arrays(self) -> FlowArrays:
        return flow_arrays(self.flow)

    @cached_property
    def _scoring(self) -> Scoring:
        return scoring(self.flow)

    @cached_property
    def _gradient(self) -> GradientArrays:
        return gradient_arrays(self._scoring)

    def draw(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As of `Passes`."""
        return draw(self._arrays, z)

    def model_log_weight(self, z: Tensor) -> Tensor:
        """As of `Passes`."""
        return torch.from_numpy(model_log_weight(self._arrays, z.double().numpy()))

    def field_log_weight(self, phi: Tensor) -> Tensor:
        """As of `Passes`."""
        return torch.from_numpy(field_log_weight(self._arrays, phi.double().numpy()))

    def log_q(self, phi: FloatArray) -> FloatArray:
        """As of `Passes`."""
        return field_log_q(self._arrays, phi)

    def normals(self, phi: FloatArray) -> FloatArray:
        """As of `Passes`."""
        return field_normals(self._arrays, phi)[0]

    def gradient(self, z: FloatArray) -> FloatArray:
        """As of `Passes`."""
        return log_weight_gradient(self._gradient, z)

    def scores(self, z: Tensor) -> Scores:
        """As of `Passes`."""
        found = scored(self._scoring, z.double().numpy())
        return Scores(torch.from_numpy(found.log_weight), torch.from_numpy(found.scores))

    def compile(
        self,
        draw: bool = False,
        weights: bool = False,
        scores: bool = False,
        inverse: bool = False,
        gradient: bool = False,
    ) -> None:
        """As of `Passes`."""
        z = np.zeros((1, self.flow.sites))
        if scores:
            scored(self._scoring, z[:, : self.flow.kept])
        if weights:
            model_log_weight(self._arrays, z[:, : self.flow.kept])
            field_log_weight(self._arrays, z)
        if draw:
            self.draw(z)
        if inverse:
            self.log_q(z)
        if gradient:
            self.gradient(z[:, : self.flow.kept])

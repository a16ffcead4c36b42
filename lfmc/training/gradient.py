"""Two estimators of the gradient of the reverse Kullback-Leibler divergence.

With x = x_theta(z) the divergence is the mean over z of log q_theta(x) + S(x), up to a constant,
and its derivative with respect to theta has two parts,

    (d x / d theta)^T (d/dx) [log q(x) + S(x)]     and     (d/d theta) log q_theta(x) at fixed x.

The second, the score, has mean zero. `reparametrised` is the automatic derivative of the mean and
includes it. `path` omits it, so that at q = p, where log q + S is constant, every sample's
contribution vanishes and not only their mean (Roeder, Wu and Duvenaud, arXiv:1703.09194; for flows
Vaitl, Nicoli, Nakajima and Kessel, arXiv:2206.09016 and arXiv:2207.08219).
"""

from collections.abc import Callable

from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.flows.density_gradient import gradient_at

# (flow, base normals) -> the loss; adds its gradient to the gradients of the parameters.
Estimator = Callable[[Flow, Tensor], Tensor]


def reparametrised(flow: Flow, z: Tensor) -> Tensor:
    """Add the full gradient of the mean of log q + S over samples of z (batch, reduced_sites)."""
    x, log_q = flow.reduced(z)
    loss = (log_q + flow.reduced_action(x)).mean()
    loss.backward()
    return loss.detach()


def path(flow: Flow, z: Tensor) -> Tensor:
    """Add the gradient of the same mean along the samples' paths only."""
    x, log_q, log_q_gradient = flow.with_gradient(z)
    action, action_gradient = gradient_at(flow.reduced_action, x)
    x.backward((log_q_gradient + action_gradient) / len(x), inputs=list(flow.parameters()))
    return (log_q.detach() + action).mean()


ESTIMATORS: dict[str, Estimator] = {"path": path, "reparametrised": reparametrised}

"""What a kind of flow is: its settings, what it needs, and where it is built."""

from collections.abc import Mapping
from typing import ClassVar

from lfmc.config.section import Section

MOST_PARAMETERS = 200_000_000  # of one flow: 1.6 GB in float64, and Adam keeps four times as much


class FlowSection(Section):
    """Settings of a kind of flow, `flow.model: { kind: ..., ... }`, and what is known of the kind.

    A kind is a subclass with a literal `kind`. Another package declares its own as

        [project.entry-points."lfmc.flows"]
        "mypackage.myflow" = "mypackage.settings:MySettings"

    Attributes:
        builds: "module:class" of the flow, a `lfmc.flows.base.Flow` that is made from (theory,
            settings); imported when it is built, so that a configuration is checked without torch.
        dimensions: numbers of dimensions of the lattice in which it exists.
        scores: whether it gives scores of single samples, which natural gradients need.
        on, space: the fields for which it exists, as of `lfmc.theories.base.Field`.
        theories: kinds of theories for which it exists; empty: all with such a field.
        inverts: whether the base normals of given fields are known exactly (`Flow.normals`).
        transfers: whether parameters of one lattice are a start on another (`flow.start`).
        even: whether log q is even wherever the action is.
        checked_at: parameters of the theory at which `lfmc conformance` checks it, where they
            differ from the theory's example.
        controls: whether it has control variates (`Flow.control_variates`).
    """

    builds: ClassVar[str]
    dimensions: ClassVar[range] = range(1, 5)
    on: ClassVar[str] = "sites"
    space: ClassVar[str] = "real"
    theories: ClassVar[tuple[str, ...]] = ()
    scores: ClassVar[bool] = False
    inverts: ClassVar[bool] = False
    transfers: ClassVar[bool] = False
    even: ClassVar[bool] = False
    checked_at: ClassVar[dict[str, float]] = {}
    controls: ClassVar[bool] = False

    kind: str

    @property
    def path_gradient_pays(self) -> bool:
        """Whether Adam takes path gradients where the configuration does not choose."""
        return False

    @property
    def needs_even(self) -> str:
        """The setting for which the action must be even; empty if it need not be."""
        return ""

    def missing(self) -> str:
        """Which package is missing and how to install it; empty if none is."""
        return ""

    def refusal(self, shape: tuple[int, ...]) -> str:
        """Why it does not exist on a lattice; empty if it does."""
        allowed = self.exists_in()
        if len(shape) not in allowed:
            last = f" to {allowed[-1]}" if len(allowed) > 1 else ""
            return f"exists in d = {allowed[0]}{last}"
        parameters = self.parameters(shape)
        if parameters > MOST_PARAMETERS:
            limit = f"at most {MOST_PARAMETERS}"
            return f"has {parameters} parameters; {limit}, so take narrower or fewer layers"
        return ""

    def parameters_refusal(self, parameters: Mapping[str, float]) -> str:
        """Why it does not exist at these parameters of the theory; empty if it does."""
        return ""

    def exists_in(self) -> range:
        """Numbers of dimensions in which it exists with these settings."""
        return self.dimensions

    def parameters(self, shape: tuple[int, ...]) -> int:
        """Number of parameters on a lattice, to within the biases; 0: a few thousand."""
        return 0

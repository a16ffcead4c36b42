"""The CP^(N-1) model whose bonds have auxiliary phases."""

from lfmc.theories.cpn.auxiliary import CPNAuxiliary

THEORY = CPNAuxiliary

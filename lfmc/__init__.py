"""lfmc: flow-based Markov chain Monte Carlo for lattice field theory."""

__version__ = "0.1.0"

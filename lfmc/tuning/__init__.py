"""Couplings at which an observable has a given value: runs, reweighting and a root search."""

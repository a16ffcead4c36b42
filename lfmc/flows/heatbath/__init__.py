"""The default flow: torch modules, and beside them the same passes as kernels.

What `heatbath.flow` does operator by operator on a whole chunk, these do field by field in
registers (`lfmc.kernels`), with everything between in the nearest caches. The torch flow remains
the definition: it runs on a GPU, and verifies what comes from here.
"""

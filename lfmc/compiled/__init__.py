"""The passes of the default flow as kernels: proposals, log weights, scores of natural gradients.

What `lfmc.flows.heatbath` does operator by operator on a whole chunk, these do field by field in
registers (`lfmc.vector`), with everything between in the nearest caches. The torch flow remains the
definition: it runs on a GPU, and verifies what comes from here.
"""

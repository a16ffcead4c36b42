"""The pass of the trained default flow, base normals -> (phi, log q), as kernels of one compile.

What `lfmc.flows.heatbath` does operator by operator on a whole chunk, these do field by field in
registers (`lfmc.vector`), with everything between in the nearest caches. The torch flow remains the
definition: it trains, inverts, runs on a GPU and verifies what comes from here.
"""

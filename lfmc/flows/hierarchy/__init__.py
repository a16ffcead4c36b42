"""O(N) spins drawn in stages, from coarse to fine sublattices."""

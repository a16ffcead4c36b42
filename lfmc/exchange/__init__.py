"""In and out: chains and densities in the formats of other programs, and two runs compared."""

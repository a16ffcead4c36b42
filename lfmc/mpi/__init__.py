"""Ranks of MPI: who they are, what they tell each other, sums that do not depend on them."""

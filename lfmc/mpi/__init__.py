"""MPI: the ranks, messages between them, and sums that do not depend on their number."""

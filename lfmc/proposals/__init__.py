"""Proposals of a flow: made in blocks on any number of ranks, joined, accepted and verified."""

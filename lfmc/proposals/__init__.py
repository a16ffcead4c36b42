"""Proposals of a flow: made in blocks by any number of ranks, joined, accepted, verified."""

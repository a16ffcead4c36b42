"""The public Python interface, one call or record per module; `lfmc` re-exports its names."""

"""What every theory and every flow must pass, lfmc's own and those of other packages."""

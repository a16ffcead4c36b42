"""Theories: one file, or one folder, per kind; found by name (`lfmc.config.kinds`)."""

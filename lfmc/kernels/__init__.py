"""Numbers in banks of vector registers, and their elementary functions."""

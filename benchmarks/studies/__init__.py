"""Studies that were made once, each a program of its own; `python FILE --help`."""

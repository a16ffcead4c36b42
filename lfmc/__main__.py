"""`python -m lfmc`: the command line where the script `lfmc` is not on the path."""

from lfmc.cli.main import main

if __name__ == "__main__":
    main()

"""The one exception that users are meant to read."""


class LfmcError(Exception):
    """Bad input or a failed check: what is wrong, where, and what would be right.

    The command line prints the message as one line and exits with code 2, without a traceback.

    Attributes:
        tell: whether this process prints it; of many ranks that fail for one reason, one does.
    """

    tell = True

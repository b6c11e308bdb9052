"""The one error that a person is meant to read."""


class UserError(Exception):
    """Bad input or a state of the machine that a person must change.

    The message is one paragraph: the key path or the thing, the value, what is allowed, what to do next.
    Commands print it without a traceback and exit with 1; nothing was changed when it was raised.
    """

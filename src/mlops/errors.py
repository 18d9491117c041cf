"""The one error a person is meant to read."""


class CannotRun(Exception):
    """A command could not do its work: exit code 2.

    The message is one clear sentence that names the file or field, the value and the fix.
    """

"""The one error that means "the user gave something wrong": programs print its line and exit with status 2."""


class UserError(ValueError):
    """Bad input, told in one line: the thing, the value, what would be right."""

"""The one kind of error that a person's input causes."""


class UserError(ValueError):
    """Something the user gave is wrong: one clear line naming the thing, its value, and what would be right.

    Programs catch this type alone, print ``error: ...`` to stderr and leave with exit status 2.
    """

"""What can go wrong, in words for the person who has to mend it.

Every exception here is a user's or the outside world's matter: the command line prints its one line and exits with code 2. Anything else
is a fault of ours and shows its traceback.
"""


class TradeflowError(Exception):
    """Something a person can mend; its text names the thing, what was found, what was expected and what to do next."""


class SettingsError(TradeflowError):
    """A setting that cannot be read or makes no sense."""


class ContractError(TradeflowError):
    """A data contract that cannot be read, or a table that cannot be held to it at all."""


class SourceError(TradeflowError):
    """A source that did not answer, or answered with something that is not data."""


class UnreadableAnswerError(SourceError):
    """A file or answer of which not one row can be read."""


class LakeError(TradeflowError):
    """The lake cannot be read or written: no such table, no room, no permission, another run at work."""


class NotFoundError(TradeflowError):
    """A signal, release or contract that was asked for by name and does not exist."""


class QuestionError(TradeflowError):
    """A question to the application that cannot be read: a cursor, a filter or a form with a value that is none of the allowed."""

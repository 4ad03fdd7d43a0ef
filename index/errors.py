"""Every error that a user may meet, as one tree. Each message is safe to show and names the remedy.

RagError
├── SettingsError     a setting has a value that cannot be used
├── ArticleError      one article cannot be read; the others go in
├── QuestionError     a question cannot be asked as it is
├── ConversationError a kept or exported conversation cannot be used
├── StorageError      what the server keeps beside the index cannot be used
├── BusyError         too many questions are waiting
├── AccountError      an account cannot be made, changed or used as asked
├── ModelError        the chat model did not answer
└── IndexProblem      something about the index as a whole
    ├── IndexMissing      there is none yet
    ├── IndexMismatch     another model or chunker made it
    ├── IndexBusy         another process is writing to it
    └── IndexDamaged      the database cannot be trusted
"""


class RagError(Exception):
    """The base of this project's errors; `str(error)` may be shown to anyone."""


class SettingsError(RagError):
    """A setting or an argument has a value that cannot be used."""


class ArticleError(RagError):
    """One article cannot be read. The message is the cause, without the article's name."""


class QuestionError(RagError):
    """A question cannot be asked as it is."""


class ConversationError(RagError):
    """A kept or exported conversation cannot be used."""


class StorageError(RagError):
    """What the server keeps beside the index, such as conversations, cannot be used."""


class BusyError(RagError):
    """Too many questions are waiting already."""


class AccountError(RagError):
    """An account cannot be made, changed or used as it was asked."""


class ModelError(RagError):
    """The chat model did not answer. The message is the cause, in a few words."""


class IndexProblem(RagError):
    """Something about the index as a whole."""


class IndexMissing(IndexProblem):
    """There is no index yet."""


class IndexMismatch(IndexProblem):
    """Another embedding model or another chunker made the index."""


class IndexBusy(IndexProblem):
    """Another process is writing to the index."""


class IndexDamaged(IndexProblem):
    """The database cannot be read or does not agree with itself."""

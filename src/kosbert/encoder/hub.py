"""Files of a model hub, and why they could not be downloaded, in words."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is of the library it uses
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

# What the hub's errors mean, the special ones before those they are kinds of.
_REASONS = {
    GatedRepoError: "its owner wants an agreement; give it on the hub's page, and set HF_TOKEN",
    RepositoryNotFoundError: "the hub has no model of this name (or it is private: set HF_TOKEN)",
    RevisionNotFoundError: "the model has no such revision",
    HFValidationError: "this is no name of a model, such as klue/roberta-base",
    HfHubHTTPError: "the hub refused it",
    HTTPError: "the connection broke off; run the same command again, it resumes the download",
}


class DownloadError(Exception):
    """The files could not be downloaded; the message says why."""


def download(
    name: str, *, revision: str | None = None, allow: list[str] | None = None, ignore: list[str] | None = None
) -> Path:
    """Return the folder of the hub's cache with a model's files, downloaded if they are not there yet.

    Args:
        name: the model's name on the hub.
        revision: a branch, tag or commit; the hub's default if None.
        allow: patterns of the files that are downloaded; all if None.
        ignore: patterns of files that are left out.

    Raises:
        DownloadError: the hub cannot be reached, or has no such model.
    """
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=allow, ignore_patterns=ignore))
    except (HFValidationError, HTTPError, OSError) as error:
        raise DownloadError(_reason(error)) from error


def _reason(error: Exception) -> str:
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno is not None:  # the disk's, not the network's
        return f"{error.filename}: {error.strerror}"
    return "no connection, and it is not in the cache"

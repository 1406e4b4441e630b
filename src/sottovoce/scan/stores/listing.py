"""`list_folder`: the contents of a folder in a store, page by page.

A folder of a million objects takes a thousand requests: each is retried separately while the store
is busy, and its results are used before the next one is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.scan.stores.retry import explain, persist
from sottovoce.scan.stores.store import ask, open_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["list_folder"]


def list_folder(url: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the contents of a folder in a store, page by page.

    Parameters
    ----------
    url : str
        The folder.

    Yields
    ------
    page : list of dict
        As fsspec's `ls` returns them: ``"name"``, ``"type"``, ``"size"`` and anything else that
        the store reports.  Stores without pages yield one.

    Raises
    ------
    AudioFileError
        If the folder does not exist, or the store fails.
    """
    system, path = open_remote(url)
    if not hasattr(system, "call_s3"):
        yield ask(url, "ls", detail=True)
        return
    bucket, _, prefix = path.partition("/")
    query: dict[str, Any] = {
        "Bucket": bucket,
        "Prefix": f"{prefix}/" if prefix else "",
        "Delimiter": "/",
    }
    is_there = not prefix
    while True:
        try:
            answer = persist(system.call_s3, "list_objects_v2", **query)
        except Exception as err:  # drivers raise whatever their libraries do
            raise explain(err, url) from err
        page = [_describe(bucket, one) for one in answer.get("Contents", ())]
        inside = answer.get("CommonPrefixes", ())
        page += [
            {"name": f"{bucket}/{one['Prefix'].rstrip('/')}", "type": "directory", "size": 0}
            for one in inside
        ]
        is_there = is_there or bool(page)
        if not is_there:
            raise explain(FileNotFoundError(url), url)
        yield page
        if not answer.get("IsTruncated"):
            return
        query["ContinuationToken"] = answer["NextContinuationToken"]


def _describe(bucket: str, told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "name": f"{bucket}/{told['Key']}", "type": "file", "size": told["Size"]}

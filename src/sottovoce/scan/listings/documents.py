"""`parts_of`: the examples of a file that is one JSON value, or a list in YAML, one by one.

Lhotse writes arrays, SpeechBrain an object with a member for each example, GigaSpeech an object
that holds an array of them.  Such a file may have gigabytes: it is split at its brackets, and
parsed one example at a time.  The text between the examples is passed on unchanged, so that a copy
without some of them is otherwise the same file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from sottovoce.errors import AudioFileError, MissingExtraError
from sottovoce.scan.listings.texts import MAX_LINE_BYTES, open_text, parse_json, reading_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DocumentPart", "is_container", "parts_of", "whole_part", "write_parts"]

_CHUNK = _MOST_SPACE = 1 << 20
_MOST_CHUNKS = 4
"""Limit for what is read at once."""
_MOST_YAML_BYTES = 1 << 20
"""Limit for an item: each value needs a hundred times its text while it is read."""
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SCALAR = re.compile(rb"[^\s,\]}:]++")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
_FLAT = re.compile(rb'\{[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+\}', re.DOTALL)
"""An object without others in it, at once: most examples are one, and have twenty tokens."""
_FIRST = re.compile(rb"\[[ \t\r\n]*([^ \t\r\n])")
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPart:
    """A part of a document.

    Attributes
    ----------
    kind : "open", "item", "close" or "rest"
        The beginning of an object or array, an item in it, its end, or text around it.
    raw : bytes
        The text as it is, without the comma after it.
    key : str
        The name of a member of an object; empty for others.
    value : object
        Value of an item; None if it is not an example.
    problem : str
        Why an item cannot be used; empty if it can.
    """

    kind: Literal["open", "item", "close", "rest"]
    raw: bytes = b""
    key: str = ""
    value: Any = None
    problem: str = ""

    @property
    def is_example(self) -> bool:
        """Whether it is an example, or may be one."""
        return self.value is not None or bool(self.problem)


class _NotJsonError(Exception):
    """Text is not JSON; the message says what was expected."""


def parts_of(url: str) -> Iterator[DocumentPart]:
    """Yield the parts of a document; the last has a problem if it cannot be read further.

    Parameters
    ----------
    url : str
        Path or address; packed by gzip if its suffix says so.
    """
    is_yaml = url.lower().removesuffix(".gz").endswith((".yaml", ".yml"))
    try:
        with open_text(url) as file:
            yield from _yaml_parts(file) if is_yaml else _Json(file).parts()
    except reading_errors() as err:
        problem = f"cannot be read from here on: {_reason(err, url)}"
        yield DocumentPart(kind="item", problem=problem)


def _reason(err: Exception, url: str) -> str:
    return err.without_path(url) if isinstance(err, AudioFileError) else str(err)


def is_container(value: object, names: Iterable[str]) -> bool:
    """Return whether an object holds examples rather than being one.

    Parameters
    ----------
    value : object
        Value parsed from JSON.
    names : iterable of str
        Fields that only an example has.
    """
    if not isinstance(value, dict) or value.keys() & set(names):
        return False
    return any(
        isinstance(one, dict) or (isinstance(one, list) and one and isinstance(one[0], dict))
        for one in value.values()
    )


def whole_part(url: str, *, most_bytes: int = MAX_LINE_BYTES) -> Iterator[DocumentPart]:
    """Yield a file that is one example as its only part; one that is longer has a problem."""
    try:
        with open_text(url) as file:
            raw = file.read(most_bytes + 1)
    except reading_errors() as err:
        yield DocumentPart(kind="item", problem=f"cannot be read: {_reason(err, url)}")
        return
    yield _item(b"", raw if len(raw) <= most_bytes else None, "", is_member=False)


def write_parts(parts: Iterable[tuple[DocumentPart, bool]], file: BinaryIO) -> None:
    """Write a document.

    Parameters
    ----------
    parts : iterable of (DocumentPart, bool)
        Its parts, and whether they are kept.
    file : binary file
        Output.
    """
    counts = [0]
    for part, is_kept in parts:
        if not is_kept:
            continue
        if part.kind in ("open", "item") and len(counts) > 1:
            file.write(b"," if counts[-1] else b"")
            counts[-1] += 1
        file.write(part.raw)
        if part.kind == "open":
            counts.append(0)
        elif part.kind == "close":
            counts.pop()


class _Json:
    """A JSON document being read.

    Parameters
    ----------
    file : binary file
        Read from its current position.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = b""
        self._at = 0

    def parts(self) -> Iterator[DocumentPart]:
        """Yield the parts."""
        try:
            head = self._space().removeprefix(b"\xef\xbb\xbf")
            if self._peek() == b"\xef":  # a byte order mark
                self._at += 3
                head += self._space()
            opening = self._peek()
            self._expect(opening in _OPENING, "an array or object")
            self._at += 1
            yield DocumentPart(kind="open", raw=head + opening)
            yield from self._members(opening, is_outer=True)
            yield DocumentPart(kind="rest", raw=self._space())
        except _NotJsonError as err:
            yield DocumentPart(kind="item", problem=f"is not JSON: {err} was expected")

    def _members(self, opening: bytes, *, is_outer: bool) -> Iterator[DocumentPart]:
        closing = _CLOSING[_OPENING.index(opening)]
        before = self._space()
        while self._peek() != closing:
            key, name = b"", ""
            if opening == b"{":
                key = self._key()
                name = parse_json(key.rstrip().rstrip(b":"))[0] or ""
            value = self._peek()
            if is_outer and opening == b"{" and value == b"[" and self._holds_objects():
                self._at += 1
                yield DocumentPart(kind="open", raw=before + key + value, key=str(name))
                yield from self._members(b"[", is_outer=False)
            else:
                raw = self._value()
                yield _item(before + key, raw, str(name), is_member=opening == b"{")
            after = self._space()
            if self._peek() == b",":
                self._at += 1
                before = self._space()
            elif self._peek() == closing:
                before = after
            else:
                self._expect(holds=False, what="a comma")
        self._at += 1
        yield DocumentPart(kind="close", raw=before + closing)

    def _expect(self, holds: bool, what: str) -> None:  # noqa: FBT001 - a claim
        if not holds:
            raise _NotJsonError(what)

    def _key(self) -> bytes:
        self._expect(self._peek() == b'"', "a name")
        key = self._value() or b""
        key += self._space()
        self._expect(self._peek() == b":", "a colon")
        self._at += 1
        return key + b":" + self._space()

    def _holds_objects(self) -> bool:
        """Return whether the first item of the array that begins here is an object."""
        while True:
            found = _FIRST.match(self._text, self._at)
            if found is not None:
                return found[1] == b"{"
            if len(self._text) - self._at > _CHUNK or not self._more():
                return False

    def _value(self) -> bytes | None:
        """Return the value that begins here; None if it is too long."""
        first = self._peek()
        if first in _OPENING or first == b'"':
            return self._nested()
        found = _SCALAR.match(self._text, self._at)
        while found is not None and found.end() == len(self._text) and self._more():
            found = _SCALAR.match(self._text, self._at)
            self._expect(len(self._text) <= MAX_LINE_BYTES, "a value")
        if found is None:
            raise _NotJsonError("a value")
        self._at = found.end()
        return found[0]

    def _nested(self) -> bytes | None:
        # Not for a long text: what is not such an object would be searched to its end twice.
        end = self._at + min(_CHUNK, MAX_LINE_BYTES)
        flat = _FLAT.match(self._text, self._at, end)
        if flat is not None:
            self._at = flat.end()
            return flat[0]
        depth, at, is_too_long = 0, self._at, False
        while True:
            found = _TOKEN.search(self._text, at)
            if found is None or found[0] == b'"':
                # The end of the text, or a string that continues after it.
                at = (len(self._text) if found is None else found.start()) - self._at
                if at > MAX_LINE_BYTES:
                    self._at += at  # continues, but is not kept
                    at, is_too_long = 0, True
                is_short = len(self._text) - self._at <= 2 * MAX_LINE_BYTES
                self._expect(is_short, "the end of a string")
                # The more there is, the more is read: a string is searched from its beginning.
                most = 2 * MAX_LINE_BYTES - (len(self._text) - self._at)
                n_bytes = min(len(self._text) - self._at, _MOST_CHUNKS * _CHUNK, most)
                self._expect(self._more(n_bytes), "the end of a value")
                continue
            at = found.end()
            token = found[0][:1]
            depth += (token in _OPENING) - (token in _CLOSING)
            if depth <= 0:
                raw = self._text[self._at : at]
                self._at = at
                return None if is_too_long or len(raw) > MAX_LINE_BYTES else raw

    def _space(self) -> bytes:
        space = b""
        while True:
            found = _SPACE.match(self._text, self._at)
            if found is not None:
                space = (space + found[0])[-_MOST_SPACE:]
                self._at = found.end()
            if self._at < len(self._text) or not self._more():
                return space

    def _peek(self) -> bytes:
        if self._at >= len(self._text):
            self._more()
        return self._text[self._at : self._at + 1]

    def _more(self, n_bytes: int = 0) -> bool:
        chunk = self._file.read(max(n_bytes, _CHUNK))
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)


def _item(before: bytes, raw: bytes | None, name: str, *, is_member: bool) -> DocumentPart:
    if raw is None:
        problem = f"is longer than {MAX_LINE_BYTES >> 20} MiB"
        return DocumentPart(kind="item", key=name, problem=problem)
    # Members that are not objects describe the whole: its name, its version.
    if is_member and not raw.startswith(b"{"):
        return DocumentPart(kind="item", raw=before + raw, key=name)
    value, problem = parse_json(raw)
    if value is None and not problem:
        problem = "is not a JSON object"
    return DocumentPart(kind="item", raw=before + raw, key=name, value=value, problem=problem)


def _yaml_parts(file: BinaryIO) -> Iterator[DocumentPart]:
    """Yield the items of a list in YAML, each of which begins with a hyphen in the first column."""
    load = _yaml_loader()
    lines: list[bytes] = []
    n_bytes, is_item = 0, False

    def finish() -> Iterator[DocumentPart]:
        raw = b"".join(lines)
        if n_bytes > _MOST_YAML_BYTES:
            yield DocumentPart(kind="item", problem=f"is longer than {_MOST_YAML_BYTES >> 20} MiB")
        elif not is_item:
            yield DocumentPart(kind="rest", raw=raw)
        else:
            value, problem = load(raw)
            yield DocumentPart(kind="item", raw=raw, value=value, problem=problem)

    while line := file.readline(_MOST_YAML_BYTES):
        if line.startswith(b"-") and line[1:2] in b" \r\n":
            yield from finish()
            lines, n_bytes, is_item = [], 0, True
        n_bytes += len(line)
        if n_bytes <= _MOST_YAML_BYTES:
            lines.append(line)
    yield from finish()


def _yaml_loader() -> Any:  # noqa: ANN401 - a function
    try:
        yaml: Any = import_module("yaml")
    except ImportError as err:
        raise MissingExtraError("pyyaml", extra="scan", purpose="read YAML") from err
    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def load(raw: bytes) -> tuple[Any, str]:
        # A few lines of aliases can expand to gigabytes; each needs an anchor.
        if b"&" in raw and b"*" in raw and _has_alias(yaml, raw):
            return None, "holds aliases, which are not supported"
        try:
            value = yaml.load(raw, quick)
        except (yaml.YAMLError, ValueError, RecursionError) as err:
            return None, f"is not supported YAML: {str(err)[:100]}"
        is_one = isinstance(value, list) and len(value) == 1 and value[0] is not None
        return (value[0], "") if is_one else (None, "is not an item of a list")

    return load


def _has_alias(yaml: Any, raw: bytes) -> bool:  # noqa: ANN401 - a module
    try:
        return any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(raw))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False  # `load` says why

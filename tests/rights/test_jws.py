"""Signed texts: one spelling, one algorithm, one kind, one key."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from sottovoce.errors import ParameterError, SignatureError
from sottovoce.rights.jws import digest_token, open_token, peek_kid, peek_payload, sign_token
from sottovoce.rights.public_keys import (
    check_public_key,
    check_thumbprint,
    format_public_key,
    public_bytes,
    thumbprint_of,
)
from sottovoce.rights.strict_json import MOST_BYTES, parse_json, write_json
from tests.rights.people import jwk, key, thumb

KIND = "test+jws"
TOKEN = sign_token({"a": 1, "name": "é"}, kind=KIND, key=key("owner"))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_raw(data: bytes, header: dict, *, by: str = "owner") -> str:
    """Sign bytes that `sign_token` would never sign."""
    secret = encode(key(by).private_bytes_raw())
    signer = OKPKey.import_key({**jwk(by), "d": secret})
    return jws.serialize_compact(header, data, signer, algorithms=[header["alg"]])


def header(**changes) -> dict:
    return {"alg": "Ed25519", "kid": thumb("owner"), "typ": KIND, **changes}


def test_what_was_signed_comes_back():
    assert open_token(TOKEN, kind=KIND, jwk=jwk("owner")) == {"a": 1, "name": "é"}
    assert peek_payload(TOKEN) == {"a": 1, "name": "é"}
    assert peek_kid(TOKEN) == thumb("owner")


def test_a_signature_is_the_same_every_time():
    assert sign_token({"name": "é", "a": 1}, kind=KIND, key=key("owner")) == TOKEN


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 127))
def test_a_token_with_a_changed_character_is_never_accepted(place, change):
    changed = TOKEN[:place] + chr(ord(TOKEN[place]) ^ change) + TOKEN[place + 1 :]
    with pytest.raises(SignatureError):
        open_token(changed, kind=KIND, jwk=jwk("owner"))


@given(st.text(max_size=200))
def test_text_of_any_kind_is_no_token(text):
    for read in (peek_kid, peek_payload, lambda one: open_token(one, kind=KIND, jwk=jwk("owner"))):
        with pytest.raises(SignatureError):
            read(text)


def test_trailing_bits_of_base64_are_refused():
    for part in range(3):
        parts = TOKEN.split(".")
        last = ALPHABET.index(parts[part][-1])
        if len(parts[part]) % 4:
            parts[part] = parts[part][:-1] + ALPHABET[last ^ 1]
            with pytest.raises(SignatureError):
                open_token(".".join(parts), kind=KIND, jwk=jwk("owner"))


@pytest.mark.parametrize(
    "data",
    [
        b'{"allow":false,"allow":true}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-0}',
        b'{"a":"\\u00e9"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":99999999999999999999}',
        b"[1]",
        b"1",
        b"",
        b"{" * 500,
        b'{"a":' * 30 + b"1" + b"}" * 30,
        b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"a":"' + b"x" * MOST_BYTES + b'"}',
    ],
    ids=range(21),
)
def test_json_with_a_second_reading_is_refused_even_if_signed(data):
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)
    with pytest.raises(SignatureError):
        open_token(sign_raw(data, header()), kind=KIND, jwk=jwk("owner"))


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.text(), st.integers(-99, 99))
    )
)
def test_json_is_read_as_it_was_written(value):
    try:
        data = write_json(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        return
    assert parse_json(data) == value
    assert write_json(parse_json(data)) == data


def test_no_algorithm_is_refused():
    payload = TOKEN.split(".")[1]
    for signature in ("", "A" * 86):
        none = encode(json.dumps({"alg": "none", "kid": thumb("owner"), "typ": KIND}).encode())
        with pytest.raises(SignatureError):
            open_token(f"{none}.{payload}.{signature}", kind=KIND, jwk=jwk("owner"))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "bad",
    [
        header(alg="EdDSA"),
        header(kid=thumb("thief")),
        header(typ="other+jws"),
        {"alg": "Ed25519", "kid": thumb("owner")},
        {"alg": "Ed25519", "typ": KIND},
        header(cty="json"),
    ],
    ids=["EdDSA", "kid", "typ", "no typ", "no kid", "one field more"],
)
def test_another_header_is_refused_though_the_signature_holds(bad):
    with pytest.raises(SignatureError):
        open_token(sign_raw(b'{"a":1}', bad), kind=KIND, jwk=jwk("owner"))


def test_the_kid_of_one_key_does_not_help_the_signature_of_another():
    forged = sign_raw(b'{"a":1}', header(kid=thumb("owner")), by="thief")
    for name in ("owner", "thief"):
        with pytest.raises(SignatureError):
            open_token(forged, kind=KIND, jwk=jwk(name))


def test_every_forgery_gets_the_same_message():
    said = set()
    other = sign_token({"a": 1}, kind=KIND, key=key("thief"))
    for token in ("", "a.b.c", TOKEN[:-9] + "A" * 9, TOKEN + "=", other, TOKEN.replace(".", "..")):
        with pytest.raises(SignatureError) as caught:
            open_token(token, kind=KIND, jwk=jwk("owner"))
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"crv": "Ed25519", "kty": "OKP"},
        {"crv": "X25519", "kty": "OKP", "x": "A" * 43},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 42},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 42 + "B"},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 43, "d": "A" * 43},
    ],
)
def test_a_key_with_a_second_spelling_is_refused(bad):
    with pytest.raises(ValueError, match=r"."):
        public_bytes(bad)
    with pytest.raises(ValueError, match=r"."):
        thumbprint_of(bad)


@pytest.mark.parametrize("text", ["", "x", "A" * 44, "A" * 42 + "B", "é" * 43, thumb("a")[:-1]])
def test_a_thumbprint_that_is_none_is_refused(text):
    with pytest.raises(ParameterError, match="thumbprint"):
        check_thumbprint(text)


def test_a_thumbprint_may_have_spaces_around_it():
    assert check_thumbprint(f" {thumb('owner')}\n") == thumb("owner")


def test_a_public_key_is_not_taken_for_a_thumbprint():
    assert check_public_key(format_public_key(public_bytes(jwk("agent")))) == jwk("agent")
    with pytest.raises(ParameterError, match="not a public key"):
        check_public_key(thumb("agent"))


def test_a_text_that_is_too_long_is_not_signed():
    with pytest.raises(ParameterError, match="too large"):
        sign_token({"a": "x" * MOST_BYTES}, kind=KIND, key=key("owner"))
    with pytest.raises(ParameterError, match="cannot be signed"):
        sign_token({"a": "\ud800"}, kind=KIND, key=key("owner"))


def test_a_digest_names_the_whole_token():
    assert digest_token(TOKEN) != digest_token(TOKEN + "A")
    assert digest_token("") == "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("joserfc", "from sottovoce.rights.jws import open_token as f; f('', kind='', jwk={})"),
        (
            "jsonschema",
            "from sottovoce.rights.schema import check_form as f;"
            " f({}, room='statements', kind='statement')",
        ),
    ],
)
def test_a_missing_extra_is_told_with_the_command(package, call):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from sottovoce.errors import MissingExtraError\n"
        f"try: {call}\n"
        "except MissingExtraError as err: print(err, err.remedy)"
    )
    code = code.replace("try: from", "try:\n    from")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"{package} is needed to sign and verify" in done.stdout
    assert "pip install" in done.stdout

"""Recovery words: typed in any way, never shown by accident, and always the same keys."""

from __future__ import annotations

import json
import pickle
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import MissingExtraError, ParameterError, StatementError
from sottovoce.rights import (
    RecoveryWords,
    commit,
    keep_rotation,
    known_words,
    load_commitment,
    make_identity,
    parse_owner_id,
    prepare_rotation,
    signing_key,
    thumbprint,
)
from sottovoce.rights.keys.recovery_page import make_pdf, make_svg
from sottovoce.rights.public_keys import raw_public_key

KNOWN = json.loads((Path(__file__).parents[2] / "vectors" / "keys1" / "keys.json").read_text())
WORDS = RecoveryWords(bytes.fromhex(KNOWN["entropy"]))
OTHER = RecoveryWords(bytes(32))
OWNER = parse_owner_id(KNOWN["owner"])
entropies = st.binary(min_size=32, max_size=32)


class TestKnown:
    """Part of the format; the vectors were made by a second implementation."""

    def test_the_words(self):
        assert " ".join(WORDS.words) == KNOWN["words"]
        assert WORDS.check == KNOWN["check"]
        assert WORDS.backup_key().hex() == KNOWN["backup_key"]

    def test_the_next_keys(self):
        keys = [WORDS.next_key(OWNER, n) for n in (1, 2)]
        assert [raw_public_key(key).hex() for key in keys] == KNOWN["next_public_keys"]
        assert [thumbprint(key) for key in keys] == KNOWN["next_thumbprints"]

    def test_the_recovery_key(self):
        key = WORDS.recovery_key(OWNER)
        assert raw_public_key(key).hex() == KNOWN["recovery_public_key"]
        assert thumbprint(key) == KNOWN["recovery_thumbprint"]

    @pytest.mark.parametrize(
        ("entropy", "text"),
        [
            ("00" * 32, "abandon " * 23 + "art"),
            ("ff" * 32, "zoo " * 23 + "vote"),
            ("7f" * 32, "legal winner thank year wave sausage worth useful " * 2
             + "legal winner thank year wave sausage worth title"),
        ],
    )  # fmt: skip
    def test_the_vectors_of_bip_39(self, entropy, text):
        words = RecoveryWords.from_text(text)
        assert words == RecoveryWords(bytes.fromhex(entropy))
        assert " ".join(words.words) == text


class TestTyped:
    @given(entropies)
    def test_what_is_shown_is_read_back(self, entropy):
        words = RecoveryWords(entropy)
        assert RecoveryWords.from_text(" ".join(words.words)) == words

    @pytest.mark.parametrize(
        "change",
        [
            str.upper,
            str.title,
            lambda text: f"\ufeff \n{text}\t ".replace(" ", "   "),
            lambda text: text.replace(" ", "\n"),
            lambda text: text.replace(" ", ", "),
            lambda text: text.replace(" ", "\N{NO-BREAK SPACE}"),
            lambda text: text.replace(" ", "\N{IDEOGRAPHIC SPACE}"),
            lambda text: " ".join(f"{n}. {word}" for n, word in enumerate(text.split(), 1)),
            # Wide letters are the same ones under NFKD.
            lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text),
        ],
        ids=[
            "capitals",
            "titles",
            "spaces",
            "lines",
            "commas",
            "hard spaces",
            "wide spaces",
            "numbers",
            "wide letters",
        ],
    )
    def test_the_form_does_not_matter(self, change):
        assert RecoveryWords.from_text(change(KNOWN["words"])) == WORDS

    def test_a_wrong_word_is_told_by_its_number_only(self):
        typed = KNOWN["words"].split()
        typed[6], typed[20] = "sesame", "öffne"
        with pytest.raises(ParameterError, match=r"number 7, 21$") as caught:
            RecoveryWords.from_text(" ".join(typed))
        told = "".join(traceback.format_exception(caught.value)) + caught.value.remedy
        assert not any(word in told for word in typed if len(word) > 4)

    def test_a_wrong_checksum_is_refused(self):
        typed = [*KNOWN["words"].split()[:-1], "zoo"]
        with pytest.raises(ParameterError, match="do not belong together"):
            RecoveryWords.from_text(" ".join(typed))

    @given(entropies, st.integers(0, 23), st.integers(0, 23))
    def test_swapped_words_never_pass_as_the_same(self, entropy, i, j):
        words = RecoveryWords(entropy)
        typed = list(words.words)
        typed[i], typed[j] = typed[j], typed[i]
        try:
            read = RecoveryWords.from_text(" ".join(typed))
        except ParameterError:
            return
        assert (read == words) == (tuple(typed) == words.words)

    @pytest.mark.parametrize("n", [0, 1, 12, 23, 25, 5_000])
    def test_another_number_of_words_is_refused(self, n):
        with pytest.raises(ParameterError, match=r"24 recovery words; .* given"):
            RecoveryWords.from_text("abandon " * n)

    @given(st.text(max_size=200))
    def test_any_text_is_words_or_an_error_of_ours(self, text):
        with pytest.raises(ParameterError):
            RecoveryWords.from_text(text)

    def test_without_the_list_the_package_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "mnemonic", None)
        with pytest.raises(MissingExtraError, match="mnemonic") as caught:
            RecoveryWords.generate()
        assert caught.value.extra == "rights"


class TestSecrecy:
    def test_new_ones_are_new(self):
        assert RecoveryWords.generate() != RecoveryWords.generate()

    def test_neither_repr_nor_pickle_gives_them_away(self):
        assert repr(WORDS) == str(WORDS) == "RecoveryWords(…)"
        with pytest.raises(TypeError):
            pickle.dumps(WORDS)

    def test_each_owner_and_counter_has_keys_of_its_own(self):
        made = [WORDS.next_key(owner, n) for owner in (1, 2) for n in (1, 2)]
        made += [WORDS.recovery_key(owner) for owner in (1, 2)]
        assert len({raw_public_key(key) for key in made}) == 6

    @pytest.mark.parametrize(
        ("owner", "n"), [(0, 1), (1 << 48, 1), (1, 0), (1, 1 << 32), (1, True)]
    )
    def test_numbers_out_of_range_are_refused(self, owner, n):
        with pytest.raises(ParameterError):
            WORDS.next_key(owner, n)


class TestCommitment:
    def test_only_thumbprints_are_stored(self, tmp_path):
        made = commit(WORDS, OWNER, folder=tmp_path)
        (path,) = (tmp_path / "recovery").iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        fields = json.loads(path.read_text())
        assert sorted(fields) == [
            "format", "n", "next_thumbprint", "owner", "recovery_thumbprint", "words",
        ]  # fmt: skip
        assert made.next_thumbprint == KNOWN["next_thumbprints"][0]
        assert made.recovery_thumbprint == KNOWN["recovery_thumbprint"]
        assert load_commitment(OWNER, folder=tmp_path) == made
        assert known_words(folder=tmp_path) == {WORDS.check}

    def test_the_same_again_is_fine_and_others_are_not(self, tmp_path):
        assert commit(WORDS, OWNER, folder=tmp_path) == commit(WORDS, OWNER, folder=tmp_path)
        with pytest.raises(ParameterError, match="other recovery words already"):
            commit(OTHER, OWNER, folder=tmp_path)

    def test_without_any_there_is_none(self, tmp_path):
        assert load_commitment(OWNER, folder=tmp_path) is None
        assert known_words(folder=tmp_path) == set()

    def test_the_highest_counts(self, tmp_path):
        for n in (1, 2, 10):
            commit(WORDS, OWNER, n=n, folder=tmp_path)
        assert load_commitment(OWNER, folder=tmp_path).n == 10

    @pytest.mark.parametrize(
        "content", ["", "[]", "{", '{"owner": 3}', "[" * 4_000, '{"n": 1, "owner": "x"}']
    )
    def test_a_damaged_one_is_refused(self, content, tmp_path):
        commit(WORDS, OWNER, folder=tmp_path)
        (path,) = (tmp_path / "recovery").iterdir()
        path.write_text(content)
        with pytest.raises(StatementError, match="damaged"):
            load_commitment(OWNER, folder=tmp_path)

    def test_one_under_another_name_is_refused(self, tmp_path):
        commit(WORDS, OWNER, folder=tmp_path)
        (path,) = (tmp_path / "recovery").iterdir()
        path.rename(path.with_name(path.name.replace("-1", "-7")))
        with pytest.raises(StatementError, match="damaged"):
            load_commitment(OWNER, folder=tmp_path)


class TestRotation:
    @pytest.fixture
    def config(self, tmp_path):
        return tmp_path / "sottovoce"

    @pytest.fixture
    def identity(self, config):
        made = make_identity(folder=config / "identities")
        commit(WORDS, made.owner_id, folder=config)
        return made

    def test_the_key_on_paper_takes_over(self, identity, config):
        first = signing_key(identity)
        assert raw_public_key(first) == identity.public_key
        named = load_commitment(identity.owner_id, folder=config)
        rotation = prepare_rotation(identity, WORDS, folder=config)
        assert rotation.thumbprint == named.next_thumbprint == thumbprint(rotation.key)
        assert rotation.recovery_thumbprint == named.recovery_thumbprint
        assert raw_public_key(signing_key(identity)) == identity.public_key  # nothing stored yet
        keep_rotation(rotation, WORDS, folder=config)
        assert thumbprint(signing_key(identity)) == rotation.thumbprint
        again = load_commitment(identity.owner_id, folder=config)
        assert (again.n, again.next_thumbprint) == (2, rotation.next_thumbprint)
        # The statement says which key signs: the earlier one can still be asked for.
        wanted = thumbprint(identity.public_key)
        assert raw_public_key(signing_key(identity, wanted=wanted)) == identity.public_key

    def test_one_follows_the_other(self, identity, config):
        seen = set()
        for n in (1, 2, 3):
            rotation = prepare_rotation(identity, WORDS, folder=config)
            assert rotation.n == n
            seen.add(rotation.thumbprint)
            keep_rotation(rotation, WORDS, folder=config)
            assert thumbprint(signing_key(identity)) == rotation.thumbprint
        assert len(seen) == 3

    def test_storing_it_twice_is_fine(self, identity, config):
        rotation = prepare_rotation(identity, WORDS, folder=config)
        path = keep_rotation(rotation, WORDS, folder=config)
        before = path.read_bytes()
        assert keep_rotation(rotation, WORDS, folder=config) == path
        assert path.read_bytes() == before
        assert path.stat().st_mode & 0o777 == 0o600

    def test_the_words_and_a_statement_are_enough(self, tmp_path):
        named = KNOWN["next_thumbprints"][1]
        rotation = prepare_rotation(OWNER, WORDS, next_thumbprint=named, folder=tmp_path)
        assert (rotation.n, thumbprint(rotation.key)) == (2, named)

    def test_other_words_are_refused(self, identity, config):
        with pytest.raises(ParameterError, match="not the recovery words of"):
            prepare_rotation(identity, OTHER, folder=config)

    def test_what_is_no_thumbprint_is_refused(self, tmp_path):
        with pytest.raises(ParameterError, match="not the thumbprint"):
            prepare_rotation(OWNER, WORDS, next_thumbprint="x", folder=tmp_path)

    def test_without_words_no_key_takes_over(self, config):
        made = make_identity(folder=config / "identities")
        with pytest.raises(StatementError, match="no recovery words"):
            prepare_rotation(made, WORDS, folder=config)

    def test_a_present_key_that_is_not_here_is_told(self, identity):
        with pytest.raises(StatementError, match="not on this machine"):
            signing_key(identity, wanted="A" * 43)

    def test_the_secret_is_not_shown(self, identity, config):
        assert "key=" not in repr(prepare_rotation(identity, WORDS, folder=config))


class TestPage:
    OWNERS = (("default", OWNER), *((f"n{i}", i + 1) for i in range(12)))

    def test_every_word_stands_beside_its_number(self):
        svg = make_svg(WORDS, self.OWNERS, date="2026-11-28")
        for n, word in enumerate(WORDS.words, 1):
            assert f">{n}</text>" in svg
            assert f">{word}</text>" in svg
        assert "4f2a-91c0-77de" in svg
        assert "and 3 more" in svg
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")

    def test_the_pdf_says_the_same(self):
        pdf = make_pdf(WORDS, self.OWNERS, date="2026-11-28")
        assert pdf.startswith(b"%PDF-1.4")
        assert all(b"(%s)" % word.encode() in pdf for word in WORDS.words)
        table = int(pdf.rpartition(b"startxref\n")[2].split()[0])
        places = [int(line[:10]) for line in pdf[table:].splitlines()[3:9]]
        for number, place in enumerate(places, 1):
            assert pdf[place:].startswith(b"%d 0 obj" % number)

    def test_without_the_code_the_package_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "segno", None)
        with pytest.raises(MissingExtraError, match="segno"):
            make_svg(WORDS, (), date="")

from __future__ import annotations

import numpy as np
import pytest

from sottovoce.core import pattern
from sottovoce.errors import ParameterError
from tests import reference


def test_roles_match_the_reference() -> None:
    names = np.array(["sync", "data", "seal"])
    assert names[pattern.make_roles()].tolist() == reference.roles()


def test_every_band_has_its_share_of_each_role() -> None:
    roles = pattern.make_roles()
    for role, n in ((pattern.SYNC, 48), (pattern.DATA, 22), (pattern.SEAL, 10)):
        assert ((roles == role).sum(axis=0) == n).all()


def test_sync_signs_match_the_reference() -> None:
    signs = pattern.make_sync_signs()
    for index in range(0, signs.size, 7):
        if signs.flat[index]:
            assert signs.flat[index] == reference.hash_sign("sottovoce 1 sync", index)


def test_scrambling_signs_match_the_reference() -> None:
    signs = pattern.make_scrambling_signs()
    for index in range(0, signs.size, 41):
        if signs.flat[index]:
            assert signs.flat[index] == reference.hash_sign("sottovoce 1 data", index)


def test_seal_signs_match_the_reference() -> None:
    key = bytes(range(32))
    signs = pattern.make_seal_signs(key, 70_000)
    cells = np.flatnonzero(signs)
    assert len(cells) == 800
    for index in range(0, 800, 13):
        assert signs.flat[cells[index]] == reference.seal_sign(key, 70_000, index)


def test_seals_of_two_superframes_differ() -> None:
    key = bytes(32)
    agreement = (pattern.make_seal_signs(key, 1) * pattern.make_seal_signs(key, 2)).sum()
    assert abs(agreement) < 6 * np.sqrt(800)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ParameterError, match="32 bytes, not 5"):
        pattern.make_seal_signs(b"short", 0)


def test_decoys_have_nothing_to_do_with_the_pattern() -> None:
    decoy = pattern.make_sync_signs("another label").astype(int)
    agreement = (decoy * pattern.make_sync_signs()).sum()
    assert abs(agreement) < 6 * np.sqrt(960)


def test_cached_tables_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        pattern.make_sync_signs()[0, 0] = 1

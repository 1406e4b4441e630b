"""What the package says reaches the reader of the page in another language than English."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.errors import SottovoceError
from sottovoce.files import protect_file
from sottovoce.files.checked import check_file
from sottovoce.page import build, tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENGLISH = build._read_strings("en")
PACKAGE = {key: text for key, text in ENGLISH.items() if key.startswith(("package.", "separator."))}
OTHERS = tuple(one for one in build._LANGUAGES if one != "en")
SR = 16_000
RUN = """
import { readFileSync } from "node:fs";
import { makeTranslator } from "./package_words.js";

const { catalogue, texts } = JSON.parse(readFileSync(new URL("asked.json", import.meta.url)));
const told = {};
for (const language of Object.keys(catalogue)) {
  const translate = makeTranslator(catalogue, language);
  const begun = performance.now();
  told[language] = texts.map((text) => translate(text));
  told[`${language}_s`] = (performance.now() - begun) / 1000;
}
console.log(JSON.stringify(told));
"""


def list_choices(node: ast.expr, local: dict[str, ast.expr]) -> list[str]:
    """Return what an expression of a message may be as a text, ``{}`` for a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.FormattedValue):
        return list_choices(node.value, local)
    if isinstance(node, ast.IfExp):
        return [*list_choices(node.body, local), *list_choices(node.orelse, local)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # an s, or none
        return ["", *list_choices(node.left, local)]
    if isinstance(node, ast.JoinedStr):
        parts = itertools.product(*(list_choices(one, local) for one in node.values))
        return ["".join(chosen) for chosen in parts]
    if isinstance(node, ast.Name) and isinstance(local.get(node.id), ast.IfExp):
        return list_choices(local[node.id], {})
    return ["{}"]


def list_texts(source: str) -> Iterator[str]:
    """Yield every text of a module, ``{}`` for each value in it, one for each of its choices."""
    tree = ast.parse(source)
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    templates = [one for one in ast.walk(tree) if isinstance(one, ast.JoinedStr)]
    pieces = {piece for one in templates for piece in one.values}
    for scope in (tree, *functions):
        local = {
            one.targets[0].id: one.value
            for one in ast.walk(scope)
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        }
        for one in ast.walk(scope):
            if isinstance(one, ast.Constant | ast.JoinedStr) and one not in pieces:
                yield from list_choices(one, local if scope is not tree else {})


@pytest.fixture(scope="module")
def said() -> set[str]:
    """Everything that the package may say."""
    texts: set[str] = set()
    for path in Path(sv.__file__).parent.rglob("*.py"):
        texts.update(list_texts(path.read_text(encoding="utf-8")))
    # What the page takes off, since it cannot vouch for it; and the kind of sound that it names.
    texts |= {text.removesuffix(tracks._REST) for text in texts}
    for path in build._WEB.glob("*.js"):
        for text in re.findall(r"`([^`\n]*)`", path.read_text(encoding="utf-8")):
            texts.add(re.sub(r"\$\{[^}]*\}", "{}", text))
    return texts


@pytest.fixture
def translate(tmp_path) -> Callable[[list[str]], dict[str, list[str | None]]]:
    """What translates texts by the page's own script, into every language."""
    for name in ("fill.js", "package_words.js"):
        shutil.copy(build._WEB / name, tmp_path / name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(RUN)
    catalogue = {language: build._read_strings(language) for language in build._LANGUAGES}

    def run(texts: list[str]) -> dict[str, list[str | None]]:
        asked = json.dumps({"catalogue": catalogue, "texts": texts})
        (tmp_path / "asked.json").write_text(asked, encoding="utf-8")
        command = ["node", tmp_path / "run.js"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("key", PACKAGE)
def test_the_catalogue_has_the_packages_own_words(key: str, said) -> None:
    """A sentence that is changed in the package has to be changed in the catalogues, too."""
    assert re.sub(r"\{\w+\}", "{}", PACKAGE[key]) in said


def test_a_choice_of_words_is_two_texts() -> None:
    source = """
def tell(n, names):
    verb = "is" if n == 1 else "are"
    return f"{n} piece{'s' * (n > 1)} {verb} here, " f"{'; '.join(names)} not"
"""
    texts = {text for text in list_texts(source) if "piece" in text}
    parts = itertools.product(("piece", "pieces"), ("is", "are", "{}"))
    assert texts == {f"{{}} {noun} {verb} here, {{}} not" for noun, verb in parts}


def make_broken(folder: Path) -> list[Path]:
    """Write files that are wrong in many ways."""
    rng = np.random.default_rng(0)
    y = 0.1 * rng.standard_normal(3 * SR)
    whole = {}
    for suffix in ("wav", "flac", "mp3", "ogg", "aiff", "caf"):
        path = folder / f"whole.{suffix}"
        sf.write(path, y, SR)
        whole[suffix] = path.read_bytes()
    cut = {suffix: data[: len(data) * 2 // 3] for suffix, data in whole.items()}
    flac, ogg = bytearray(whole["flac"]), bytearray(whole["ogg"])
    for data in (flac, ogg):
        data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    files = {
        **{f"cut.{suffix}": data for suffix, data in cut.items()},
        "torn.flac": bytes(flac),
        "torn.ogg": bytes(ogg),
        "cut.mp4": b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\x10\0mdat" + bytes(64),
        "empty.wav": b"",
        "header.wav": b"RIFF" + bytes(300),
        "none.aiff": b"FORM\0\0\0\x04AIFF" + bytes(30),
        "sphere.sph": b"NIST_1A\n  none\n" + bytes(2000),
        "junk.mp3": whole["mp3"][:2000] + bytes(range(1, 256)) * 9 + whole["mp3"][2000:],
        "more.wav": whole["wav"][:40] + (SR).to_bytes(4, "little") + whole["wav"][44:],
        "nothing.wav": rng.bytes(9000),
        "joined.flac": cut["flac"] + cut["flac"] + whole["flac"],
        "two.wav": whole["wav"] * 2,
    }
    paths = []
    for name, data in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    for sr in (4_000, 384_000):
        paths.append(folder / f"{sr}.wav")
        sf.write(paths[-1], y, sr)
    paths.append(folder / "nan.wav")
    sf.write(paths[-1], np.where(np.arange(len(y)) > SR, np.nan, y), SR, subtype="FLOAT")
    return paths


def listen_to(path: Path) -> Iterator[str]:
    """Yield what the package says of a file."""
    try:
        checked = check_file(path)
    except SottovoceError as err:
        yield str(err).removeprefix(f"{path}: ")
        yield err.remedy
        return
    for part in checked.parts:
        yield from part.notes


def test_what_is_said_of_broken_files_is_translated(translate, tmp_path) -> None:
    texts = sorted({text for path in make_broken(tmp_path) for text in listen_to(path)})
    assert len(texts) > 15
    told = translate(texts)
    for language in OTHERS:
        for text, translated in zip(texts, told[language], strict=True):
            assert translated, (language, text)
            assert translated != text
    assert told["en"] == [None] * len(texts)  # shown as it is


def test_what_is_said_of_protected_files_is_translated(translate, tmp_path) -> None:
    rng = np.random.default_rng(1)
    y = 0.1 * rng.standard_normal(30 * SR)
    for owner_id in (7, 8):
        y = sv.protect(y, sr=SR, notice=sv.Notice(owner_id=owner_id))
    sf.write(tmp_path / "two.flac", y, SR)
    sf.write(tmp_path / "short.wav", y[: 2 * SR], SR)
    texts: list[str] = []
    for name in ("two.flac", "short.wav"):
        made = protect_file(tmp_path / name, tmp_path / f"new.{name}", notice=sv.Notice(owner_id=9))
        texts += made.warnings
    other = sv.Notice(policy=1, owner_id=7)
    with pytest.raises(SottovoceError) as caught:
        protect_file(tmp_path / "two.flac", tmp_path / "new.flac", notice=other)
    texts += [caught.value.message, caught.value.remedy]
    assert len(texts) == 5
    told = translate(texts)
    for language in OTHERS:
        assert None not in told[language], (texts, told[language])
    assert any("die Markierung des Inhabers 0000-0000-0007 und die" in one for one in told["de"])


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (
            "is cut short: 12.8 of 24.7 s are present",
            "de",
            "unvollständig: 12,8 von 24,7 s sind vorhanden",
        ),
        (
            "is cut short: 12.8 of 24.7 s are present",
            "fr",
            "incomplet : 12,8 s présentes sur 24,7 s",
        ),
        (
            "is damaged: 1 page is missing or incomplete; 0.9 of 2.0 s can be read here",
            "es",
            "dañado: 1 sección («página Ogg») falta o está incompleta;"
            " aquí se pueden leer 0,9 de 2,0 s",
        ),
        (
            "is cut short: 9,000 of 1,234,567 samples are present",
            "de",
            "unvollständig: 9.000 von 1.234.567 Abtastwerten sind vorhanden",
        ),
        (
            "is cut short: 1.0 of 2.0 s are present (file 1 of 3); file 2 of 3 cannot be read",
            "fr",
            "incomplet : 1,0 s présentes sur 2,0 s (fichier 1 sur 3) ;"
            " le fichier 2 sur 3 est illisible",
        ),
        (
            "left out: the C2PA manifest, which the mark makes invalid,"
            " the MD5 checksum of the old samples",
            "de",
            "weggelassen: das C2PA-Manifest, das durch die Markierung ungültig wird,"
            " die MD5-Prüfsumme der alten Tondaten",
        ),
        (
            "already carried an anonymous mark and the mark of 4f2a-0b1c-9d3e, which stays in it",
            "es",
            "ya llevaba una marca anónima y la marca del titular 4f2a-0b1c-9d3e; no se ha"
            " quitado nada de eso",
        ),
        (
            "changes to 48000 Hz and 1 channels after 3.5 s",
            "de",
            "wechselt nach 3,5 s zu 48000 Hz (Kanäle: 1)",
        ),
        ("1 piece of it could not be decoded and became silence", "es", "1 fragmento no se pudo"),
        ("2 pieces of it could not be decoded and became silence", "es", "2 fragmentos no se"),
    ],
)
def test_values_go_into_the_translation(translate, text, language, expected) -> None:
    assert translate([text])[language][0].startswith(expected)


def test_what_stands_in_a_place_is_taken_as_it_is(translate) -> None:
    hostile = "$& $1 $` (.*)+ {kind} {0} \\d [a-z <b>x</b>.wav\nof 3"
    told = translate([f"unexpected OSError: {hostile}"])
    assert told["de"] == [f"unerwarteter Fehler (OSError): {hostile}"]


def test_what_is_not_known_is_left_in_english(translate) -> None:
    texts = [
        "",
        "no permission to write to the folder",
        "is damaged: by a cat",
        "is cut short: x of y s are present",
        "left out: the MD5 checksum of the old samples, something else",
        "It is empty (0 bytes)",
        "is empty (0 bytes)\nand more",
        "toString",
        "lost: lost: lost: lost: lost: lost: the copy is of another format",
    ]
    for language in OTHERS:
        assert translate(texts)[language] == [None] * len(texts)


def test_long_texts_take_no_longer_than_to_read_them(translate) -> None:
    part = "file 1 of 2 cannot be read"
    texts = [
        "x" * 100_000,
        "1" * 100_000,
        "1,1." * 25_000,
        " (file 1 of " * 9_000,
        "; 1 of " * 15_000,
        "is damaged: " * 9_000,
        "unexpected " + "E: " * 33_000,
        "; ".join([part] * 4_000),
        "lost: " + ", ".join(["file 1 of 2"] * 8_000),
        "lost: " + ", ".join([*["lost: 1 tag in the middle of the audio"] * 190, "x"]),
        "has " + "1 bytes between its frames that " * 3_000,
        "already carried " + " and ".join(["the mark of a"] * 7_000) + ", which stays in it",
    ]
    told = translate(texts)
    for language in build._LANGUAGES:
        assert told[f"{language}_s"] < 5.0

"""What holds for the code as a whole, whatever it does."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import sottovoce

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "sottovoce"
MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages(sottovoce.__path__, prefix="sottovoce.")
)
PUBLIC_MODULES = ["sottovoce", *(n for n in MODULES if "._" not in n)]
FILES = [
    pytest.param(path, id=str(path.relative_to(SOURCE))) for path in sorted(SOURCE.rglob("*.py"))
]
# These libraries are imported by name, which the contracts of imports do not see.
SOUND_LIBRARIES = {
    "jack": "live/pipewire",
    "pasimple": "live/pulse",
    "sounddevice": "live/loopback",
}
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_the_import_is_light():
    heavy = ["soundfile", "librosa", "scipy.signal", "scipy.stats", "click", "rich", "matplotlib"]
    code = f"import sottovoce, sys; print(*[m for m in {heavy} if m in sys.modules])"
    assert run_python(code) == ""


def test_help_brings_no_heavy_module():
    heavy = ["librosa", "matplotlib", "rich.console", "numba", "cryptography", "av", "scipy.signal"]
    heavy += ["sottovoce.files.decoding", "sottovoce.live", "sottovoce.rights", "sottovoce.scan"]
    code = (
        "import sys; sys.argv = ['sottovoce', '--help']\n"
        "from sottovoce.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', *[m for m in {heavy} if m in sys.modules])"
    )
    assert run_python(code).splitlines()[-1] == "HEAVY"


def test_sound_alone_brings_nothing_that_films_take(tmp_path):
    code = (
        "import sys, numpy as np, soundfile as sf\n"
        "from sottovoce import Notice\n"
        "from sottovoce.files import protect_file\n"
        f"source, target = {str(tmp_path / 'a.wav')!r}, {str(tmp_path / 'b.wav')!r}\n"
        "sf.write(source, np.random.default_rng(0).standard_normal(32_000) / 10, 16_000)\n"
        "protect_file(source, target, notice=Notice(owner_id=7), prove=False)\n"
        "print(*[m for m in sys.modules if m == 'av' or m.startswith('sottovoce.files.films')])"
    )
    assert run_python(code) == ""


def test_no_class_name_stands_for_two():
    places = defaultdict(list)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(SOURCE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_sorted_and_its_names_exist(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None)
    if not names:
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        public = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        ]
        assert public == [], f"{name} has public names and no __all__"
        return
    # Constants, then classes, then functions, as ruff's RUF022 sorts them.
    assert list(names) == sorted(names, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for each in names:
        assert hasattr(module, each)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_names_every_public_definition(name):
    module = importlib.import_module(name)
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert defined - set(getattr(module, "__all__", [])) <= COMMAND_PARTS.get(name, set())


# Commands that are reached through their group only.
COMMAND_PARTS = {
    "sottovoce.cli": {"program"},
    "sottovoce.cli.grant": {"delegate", "key", "new", "revoke"},
    "sottovoce.cli.identity": {"list_all", "new", "show"},
    "sottovoce.cli.mic": {"doctor", "list_microphones"},
    "sottovoce.cli.seal": {"reveal", "verify"},
    "sottovoce.cli.statement": {"html", "new", "show", "texts", "verify"},
}


@pytest.mark.parametrize("path", FILES)
def test_no_module_is_too_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_MODULE_LINES


def test_functions_are_short():
    """At most 40 lines of code, docstring not counted, for 95 of 100 functions."""
    lengths = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                code_lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                lengths.append(code_lines)
    too_long = sum(length > MAX_FUNCTION_LINES for length in lengths)
    assert too_long <= 0.05 * len(lengths)


def test_no_verb_shadows_a_package():
    packages = {name.split(".")[1] for name in MODULES}
    assert not packages & set(sottovoce.__all__)


def test_the_package_says_that_it_is_typed():
    assert (SOURCE / "py.typed").is_file()


@pytest.mark.parametrize("path", FILES)
def test_only_output_prints(path):
    if path.name == "_output.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "click.echo", "sys.stdout.write"}


def test_the_import_contracts_hold():
    """The order of the packages; the same contracts that `make check` reads."""
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_a_library_of_a_sound_system_lives_in_its_room():
    found = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                names = [each.value for each in node.args if isinstance(each, ast.Constant)]
            for name in {each.partition(".")[0] for each in names} & SOUND_LIBRARIES.keys():
                place = path.relative_to(SOURCE).parent.as_posix()
                found.setdefault(name, set()).add(place)
    assert found == {name: {room} for name, room in SOUND_LIBRARIES.items()}

"""`sottovoce id backup` and `restore`: everything in one file that the recovery words open."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._options import JSON, OutPath, examples
from sottovoce.cli._recovery import check_new, read_known_words, today
from sottovoce.cli._secrets import WORDS_FROM, read_words
from sottovoce.cli._whose import find_key
from sottovoce.cli._words import format_path
from sottovoce.files.times import format_day

__all__ = ["backup", "restore"]


@click.command(
    "backup",
    epilog=examples(
        "sottovoce id backup",
        "sottovoce id backup -o /media/stick/voice.backup",
    ),
)
@click.option(
    "-o",
    "--out",
    type=OutPath(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write the backup to this new file.  [default: sottovoce-DATE.backup]",
)
@WORDS_FROM
@JSON
def backup(*, out: Path | None, words_from: str | None, as_json: bool) -> None:
    """Write all keys, statements and grants to one file.

    Only your recovery words open it, so that it may lie on any disk or in a cloud.  A seed with a
    passphrase keeps it.
    """
    from sottovoce.rights import list_identities, load_identity
    from sottovoce.rights.keys.backup import collect_files, seal_backup
    from sottovoce.rights.keys.backup_notes import note_backup
    from sottovoce.rights.keys.key_files import write_once

    made = today()
    out = out or Path(f"sottovoce-{made}.backup")
    check_new(out)
    words = read_known_words(words_from)
    own = [load_identity(name) for name in list_identities()]
    kept = [each for each in own if find_key(each) != "missing"]
    files = collect_files()
    write_once(out, seal_backup(files, words, made=made))
    note_backup((each.owner_id for each in kept), made=made, files=files)
    for each in own:
        if each not in kept:
            _output.explain(
                f"{each.name}: its key is not on this computer, and so not in the backup",
                kind="warning",
            )
    if as_json:
        owners = [each.to_dict()["owner"] for each in kept]
        _output.result_json({"path": str(out), "n_files": len(files), "owners": owners})
        return
    _output.result(f"{format_path(out)}: {len(kept)} identities, {len(files)} files")
    _output.explain("Keep it on another disk or in a cloud, and the words on paper elsewhere.")


@click.command(
    "restore",
    epilog=examples(
        "sottovoce id restore sottovoce-2026-11-28.backup",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@WORDS_FROM
@JSON
@click.pass_context
def restore(context: click.Context, *, file: Path, words_from: str | None, as_json: bool) -> None:
    """Bring back what a backup holds, with your recovery words.

    What exists on this machine is never replaced.  If a name is taken by another key, that one is
    reported, and the rest is restored.
    """
    from sottovoce.rights import list_identities, load_identity
    from sottovoce.rights.days import parse_day
    from sottovoce.rights.keys.backup import open_backup, restore_files
    from sottovoce.rights.keys.backup_notes import note_backup

    opened = open_backup(file, read_words(words_from))
    restored = restore_files(opened.files)
    brought = {*restored.added, *restored.present}
    own = [
        load_identity(name) for name in list_identities() if f"identities/{name}.json" in brought
    ]
    note_backup((each.owner_id for each in own), made=opened.made, files=opened.files)
    if as_json:
        _output.result_json(restored.to_dict())
    else:
        for each in own:
            _output.result(f"{each.name}: owner id {each.to_dict()['owner']}")
        n_added, n_present = len(restored.added), len(restored.present)
        _output.explain(f"{n_added} files restored, {n_present} were here already.")
        _output.explain(
            f"The backup was made on {format_day(parse_day(opened.made))}.  If you have signed"
            " anything since, get those statements here before you sign again: two that follow the"
            " same one are a conflict, and no permission of yours counts any more.",
            kind="note",
        )
    for name in restored.refused:
        _output.explain(
            f"{format_path(name)}: another file has this name, and was left as it is.  Rename that"
            " one, then restore again.",
            kind="error",
        )
    if restored.refused:
        context.exit(ExitCode.ERROR)

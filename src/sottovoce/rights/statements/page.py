"""A statement as a page that its owner publishes: one file, no scripts, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import NAMED_USES, Use
from sottovoce.errors import ParameterError
from sottovoce.files.escaping import escape_html
from sottovoce.files.times import format_day
from sottovoce.rights.statements.wordings import USE_WORDS

if TYPE_CHECKING:
    from sottovoce.rights.statements.standing import Standing
    from sottovoce.rights.statements.statement import Statement

__all__ = ["make_page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1e; background: #fff;
  max-width: 44rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid #e3e3e6; overflow-wrap: anywhere; }
code, pre { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.refused { color: #8c1d18; font-weight: 600; } .small { font-size: .85rem; color: #5a5a60; }
"""
# A policy that allows this style by its hash, and nothing else.
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
_CSP = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
_LINKED = ("https://", "http://", "mailto:")


def make_page(standing: Standing) -> str:
    """Return a page with what an owner declares, and the signed statements to check it by.

    Parameters
    ----------
    standing : Standing
        What the statements add up to.

    Returns
    -------
    page : str
        HTML, complete in itself.

    Raises
    ------
    ParameterError
        If the statements are not valid, or in conflict.
    """
    statement = standing.statement
    if statement is None:
        raise ParameterError(
            f"there is nothing to publish: {standing.problem or standing.conflict}",
            remedy="Publish statements that are valid.",
        )
    owner = format_owner_id(standing.owner_id)
    uses = "\n".join(_make_row(use, standing) for use in NAMED_USES)
    facts = "\n".join(
        f"<tr><th>{name}</th><td>{value}</td></tr>"
        for name, value in _list_facts(statement, standing)
    )
    steps = "\n".join(f"<li>{escape_html(step.words)}</li>" for step in standing.steps)
    tokens = "\n".join(escape_html(one.token) for one in standing.counted)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_CSP}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Statement of owner {owner}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>What owner {owner} refuses</h1>
<p>Recordings that carry this owner's inaudible mark may not be used as follows.</p>
<table>
{uses}
</table>
<h2>Declared by</h2>
<table>
{facts}
</table>
<p class="small">Names and addresses are what the owner says; nobody has verified them.</p>
<h2>Signed statements</h2>
<ol>
{steps}
</ol>
<p>Save the lines below as <code>statements.jws</code> and check them with
<code>sottovoce statement verify statements.jws</code>.</p>
<pre>{tokens}</pre>
</body>
</html>
"""


def _make_row(use: Use, standing: Standing) -> str:
    words = escape_html(USE_WORDS["en"][use])
    if not use & standing.refused:
        # A use that is not refused is not allowed by that.
        verdict = "not mentioned"
    elif use & standing.on_request:
        verdict = '<span class="refused">refused</span>, but you may ask'
    else:
        verdict = '<span class="refused">refused</span>'
    return f"<tr><td>{words}</td><td>{verdict}</td></tr>"


def _list_facts(statement: Statement, standing: Standing) -> list[tuple[str, str]]:
    facts = [
        ("Role", escape_html(statement.role)),
        ("Name", escape_html(statement.name)),
        ("Known as", escape_html(statement.pseudonym)),
        ("Contact", _link(statement.contact) if statement.contact else ""),
        ("See also", "<br>".join(map(_link, statement.links))),
        ("Says since", format_day(statement.since)),
        ("Of age from", format_day(standing.minor_until) if standing.minor_until else ""),
        ("First key", f"<code>{escape_html(statement.inception_key)}</code>"),
        ("Current key", f"<code>{escape_html(statement.current_key)}</code>"),
        ("Time stamps", f"{statement.n_anchors}, not checked" if statement.n_anchors else ""),
        (
            "Did not mark",
            "<br>".join(f"<code>{escape_html(one)}</code>" for one in sorted(standing.disowned)),
        ),
    ]
    return [(name, value) for name, value in facts if value]


def _link(uri: str) -> str:
    shown = escape_html(uri)
    if not uri.startswith(_LINKED):
        return shown
    return f'<a href="{shown}" rel="nofollow noopener noreferrer">{shown}</a>'

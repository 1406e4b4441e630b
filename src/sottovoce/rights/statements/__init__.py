"""Signed statements: what an owner refuses, in a chain that proves itself offline."""

from __future__ import annotations

from sottovoce.rights.statements.bundle import read_statements, write_statements
from sottovoce.rights.statements.page import make_page
from sottovoce.rights.statements.standing import Standing, Step, verify_statements
from sottovoce.rights.statements.statement import ROLES, Statement, open_statement
from sottovoce.rights.statements.texts import LANGUAGES, ShortText, make_texts
from sottovoce.rights.statements.writing import Declaration, continue_statements, make_statement

__all__ = [
    "LANGUAGES",
    "ROLES",
    "Declaration",
    "ShortText",
    "Standing",
    "Statement",
    "Step",
    "continue_statements",
    "make_page",
    "make_statement",
    "make_texts",
    "open_statement",
    "read_statements",
    "verify_statements",
    "write_statements",
]

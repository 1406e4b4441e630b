"""Stands in for `cryptography` in the page: what `sottovoce.rights` uses of it there.

The page has these modules under the names of the library.  Ed25519 itself is computed in JavaScript
(``web/keys.js``), which the worker registers as the module `noble`.
"""

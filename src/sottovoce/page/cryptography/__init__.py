"""Stands in for `cryptography` in the page: what `sottovoce.rights` uses of it, for Ed25519 alone.

The page has these modules under the names of the library.  The curve itself is computed in
JavaScript (``web/keys.js``), which the worker registers as the module `noble`.
"""

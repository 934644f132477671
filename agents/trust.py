"""Whose certificates are believed?"""

from __future__ import annotations

import contextlib
import ssl


def trusted() -> ssl.SSLContext:
    """Whom to trust: the authorities of the machine, or of SSL_CERT_FILE, and those of certifi, as SDKs have them."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context

"""The TLS context for providers: verified, TLS 1.2 or later, the system's certificates and an administrator's own.

Made without `ssl.create_default_context`, which would write the keys of every connection to the file that the variable
SSLKEYLOGFILE names. OpenSSL's own SSL_CERT_FILE and SSL_CERT_DIR are not read either. No switch turns verification off.
"""

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

from sidecar.settings import SettingsError

logger = logging.getLogger(__name__)

# A directory costs nothing until a connection is made; reading a bundle takes 20 ms.
_SYSTEM_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")
_SYSTEM_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

_SUFFIXES = (".pem", ".crt", ".cer")


def make_tls_context(ca: Path | None = None) -> ssl.SSLContext:
    """Return the context; `ca` is a file or a directory of certificates to trust beside the system's.

    Raises:
        SettingsError: `ca` cannot be read, or has no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies certificate and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # TLS 1.2 lets a server ask for it at any time; while it goes on nothing can be written.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Python 3.11.2, Debian 12's, sets it: an answer that somebody cut off on the way would look whole.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    _trust_system(context)
    if ca is not None:
        _trust(context, ca)
    return context


def _trust_system(context: ssl.SSLContext) -> None:
    # With hashed names (0a1b2c3d.0), else OpenSSL finds nothing there.
    directory = next((name for name in _SYSTEM_DIRECTORIES if any(Path(name).glob("[0-9a-f]*.0"))), None)
    if directory is not None:
        context.load_verify_locations(capath=directory)
        return
    file = next((name for name in _SYSTEM_FILES if Path(name).is_file()), None)
    if file is None:
        logger.warning("this machine has no certificates to check a provider's by (package ca-certificates)")
    else:
        context.load_verify_locations(cafile=file)


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    # The path is not shown, as no setting's value is.
    try:
        files = list(_certificates(ca))
        for file in files:
            context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise SettingsError("SIDECAR_CA must name certificates in PEM: a file there holds something else.") from None
    except OSError as exc:
        raise SettingsError(f"SIDECAR_CA must name a readable file or directory: {exc.strerror}.") from None
    if not files:
        raise SettingsError("SIDECAR_CA must name a directory with .pem or .crt files: it has none.")


def _certificates(ca: Path) -> Iterator[Path]:
    if not ca.is_dir():
        yield ca
        return
    for path in sorted(ca.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            yield path

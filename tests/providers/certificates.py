"""Certificates for servers on loopback, good and bad in every way."""

import datetime
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes

DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.UTC)


def make_server(
    authority: trustme.CA, *, names: tuple[str, ...] = ("127.0.0.1", "localhost"), days: tuple[int, int] = (-1, 30)
) -> ssl.SSLContext:
    """Return a server's context with a certificate for `names` that is valid from and until so many days from now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert(*names, not_before=TODAY + days[0] * DAY, not_after=TODAY + days[1] * DAY)
    certificate.configure_cert(context)
    return context


def write(authority: trustme.CA, path: Path) -> Path:
    """Write the authority's own certificate, as an administrator gets it."""
    authority.cert_pem.write_to_path(str(path))
    return path


def make_careless_authority() -> trustme.CA:
    """Return an authority as `openssl req -x509` makes one by default: its certificate does not say what it is for."""
    authority = trustme.CA()
    careful, key = authority._certificate, authority._private_key
    builder = x509.CertificateBuilder(
        issuer_name=careful.subject,
        subject_name=careful.subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=TODAY - DAY,
        not_valid_after=TODAY + 30 * DAY,
    )
    for extension in careful.extensions:
        if not isinstance(extension.value, x509.KeyUsage):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    authority._certificate = builder.sign(key, hashes.SHA256())
    return authority

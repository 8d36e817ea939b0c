"""How our certificates are built: EC P-256, strict enough for every client.

The only file that imports `cryptography` at its top: import it when you need one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_LIFE = timedelta(days=397)
"""Source: reliability.md section 7; clients refuse longer ones."""
CA_LIFE = timedelta(days=3650)
CLOCK_SLACK = timedelta(hours=1)
"""A certificate begins this much in the past: clocks differ."""


class Made(NamedTuple):
    """A certificate and its key, as PEM."""

    cert: bytes
    key: bytes


def new_authority(now: datetime) -> Made:
    """A CA that may sign servers' certificates and nothing below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _common_name("Ordo CA")
    builder = (
        _builder(name, name, key, now, CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _made(builder.sign(key, SHA256()), key)


def new_server(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Iterable[str],
    now: datetime,
) -> Made:
    """A server's certificate for DNS names and IP addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    alternatives = x509.SubjectAlternativeName([_general(n) for n in sorted(names)])
    builder = (
        _builder(_common_name("Ordo"), ca.subject, key, now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(identifier(authority), critical=False)
        .add_extension(alternatives, critical=False)
    )
    return _made(builder.sign(ca_key, SHA256()), key)


def read_certificate(pem: bytes) -> x509.Certificate | None:
    """The certificate in a PEM file; None where there is none."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        return None


def read_key(
    pem: bytes, certificate: x509.Certificate
) -> ec.EllipticCurvePrivateKey | None:
    """The key in a PEM file; None where it is not this certificate's."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return key if key.public_key() == certificate.public_key() else None


def is_issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether *ca* signed it."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """The names that clients may use for its server."""
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(name.value) for name in found.value)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in pairs of hex digits with colons, as OpenSSL prints it."""
    return certificate.fingerprint(SHA256()).hex(":").upper()


def plain(name: str) -> str:
    """One spelling for each name or address."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower()


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _common_name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"{text} {socket.gethostname()}"[:64])]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    begin = now - CLOCK_SLACK
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + life)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _made(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Made:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Made(certificate.public_bytes(Encoding.PEM), secret)

"""Sign a file with a C2PA manifest under a certificate that is thrown away."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _certify(
    name: str, public: ec.EllipticCurvePublicKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        parts = [(NameOID.COMMON_NAME, text), (NameOID.ORGANIZATION_NAME, "tests")]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

    now = datetime.datetime.now(datetime.UTC)
    is_root = name == issuer
    uses = {"key_cert_sign", "crl_sign"} if is_root else {"digital_signature"}
    key = x509.SubjectKeyIdentifier.from_public_key
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(30))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(x509.KeyUsage(**{use: use in uses for use in _USES}), critical=True)
        .add_extension(key(public), critical=False)
    )
    if not is_root:
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(mail, critical=False).add_extension(above, critical=False)
    return builder.sign(signer, hashes.SHA256())


def sign(source: Path, target: Path, mime: str) -> None:
    """Write `target`, which is `source` with a manifest in it."""
    import c2pa

    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    certificates = [
        _certify("leaf", leaf.public_key(), "root", root),
        _certify("root", root.public_key(), "root", root),
    ]
    pem = serialization.Encoding.PEM
    info = c2pa.C2paSignerInfo(
        alg=b"es256",
        sign_cert=b"".join(certificate.public_bytes(pem) for certificate in certificates),
        private_key=leaf.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        ta_url=None,
    )
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    actions = [{"action": "c2pa.created", "digitalSourceType": kind}]
    manifest = {
        "claim_generator_info": [{"name": "tests", "version": "1"}],
        "title": "a take",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }
    builder = c2pa.Builder(json.dumps(manifest))
    with source.open("rb") as old, target.open("w+b") as new:
        builder.sign(c2pa.Signer.from_info(info), mime, old, new)


def read_state(path: Path, mime: str) -> str:
    """Return what a C2PA reader says: "Valid", "Invalid", or "none"."""
    import c2pa

    try:
        with path.open("rb") as file:
            return str(c2pa.Reader(mime, file).get_validation_state())
    except c2pa.C2paError as err:
        return "none" if "ManifestNotFound" in repr(err) else repr(err)

"""The certificate authority that vouches for the stand-ins, and how clients come to trust it."""

from __future__ import annotations

import base64
import hashlib
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from demo.internet.errors import TrustNotInstalled


class Authority:
    """A fresh authority kept in `folder`; issues one certificate per host, when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA(organization_name="Faceloop demo", organization_unit_name="stands in for the internet")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self.path = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.path))

    @property
    def spki(self) -> str:
        """Give the base64 SHA-256 of the public key, for Chromium's --ignore-certificate-errors-spki-list."""
        certificate = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    def context(self, host: str) -> ssl.SSLContext:
        """Give the TLS context that speaks for a host."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._issue(host)
            return self._contexts[host]

    def _issue(self, host: str) -> ssl.SSLContext:
        leaf = self._ca.issue_cert(host)
        chain = self._folder / f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.pem"
        # The authority itself is sent too: without it in the chain Chromium's SPKI list never matches.
        pems = [leaf.private_key_pem, *leaf.cert_chain_pems, self._ca.cert_pem]
        chain.touch(mode=0o600)
        chain.write_bytes(b"".join(pem.bytes() for pem in pems))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        context.set_alpn_protocols(["http/1.1"])
        chain.unlink()
        return context

    def nss_home(self, home: Path) -> Path:
        """Make `home` a HOME in which Chromium trusts the authority; needs certutil (libnss3-tools).

        Raises TrustNotInstalled.
        """
        database = home / ".pki" / "nssdb"
        # A database of an earlier start trusts an authority that is gone.
        shutil.rmtree(database, ignore_errors=True)
        database.mkdir(parents=True)
        where = f"sql:{database}"
        for arguments in (
            ["-N", "--empty-password"],
            ["-A", "-t", "C,,", "-n", "faceloop-demo", "-i", str(self.path)],
        ):
            try:
                subprocess.run(
                    ["certutil", "-d", where, *arguments], check=True, capture_output=True, text=True, timeout=30
                )
            except FileNotFoundError as error:
                raise TrustNotInstalled("certutil is missing: install libnss3-tools") from error
            except subprocess.CalledProcessError as error:
                raise TrustNotInstalled(f"certutil refused: {error.stderr.strip()}") from error
        return home

# SPDX-License-Identifier: Apache-2.0
"""trust_store.py OUT < certificates in PEM: a Java key store (JKS) of trusted certificates. The same
certificates give the same bytes: every entry has one constant date."""
import base64
import hashlib
import re
import struct
import sys

DATE_MS = 315532801000
PASSWORD = "changeit"  # Java's own for its list of certificates; it protects nothing


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", sys.stdin.read(), re.S)
certificates = {hashlib.sha256(der).hexdigest(): der for der in map(base64.b64decode, blocks)}
store = bytearray(struct.pack(">III", 0xFEEDFEED, 2, len(certificates)))
for name, der in sorted(certificates.items()):
    store += struct.pack(">I", 2) + text(name) + struct.pack(">Q", DATE_MS)
    store += text("X.509") + struct.pack(">I", len(der)) + der
store += hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + bytes(store)).digest()
with open(sys.argv[1], "wb") as out:
    out.write(store)

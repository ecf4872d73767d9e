# SPDX-License-Identifier: Apache-2.0
"""Reads the manifest of a channel of the Rust project: its date and version, a line, then a line each for the
compiler, cargo and the standard library: address, SHA-256. usage: channel.py FILE [SERVER]"""
import sys
import tomllib

TARGET = "x86_64-unknown-linux-gnu"
PUBLISHED_AT = "https://static.rust-lang.org"

with open(sys.argv[1], "rb") as file:
    manifest = tomllib.load(file)
server = sys.argv[2] if len(sys.argv) > 2 else PUBLISHED_AT
print(manifest["date"], manifest["pkg"]["rustc"]["version"].split()[0])
for name in ("rustc", "cargo", "rust-std"):
    archive = manifest["pkg"][name]["target"][TARGET]
    # A mirror has the same paths.
    print(server + archive["xz_url"].removeprefix(PUBLISHED_AT), archive["xz_hash"])

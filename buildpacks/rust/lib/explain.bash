# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# cargo's own output was shown; this adds the reason and the remedy.

explain_cargo_failure() {
  explain_manifest "$1"
  explain "$1" <<TABLE
/lock file .* needs to be updated|cannot update the lock file
Cargo.lock does not match Cargo.toml.
cargo builds exactly what Cargo.lock says (--locked).
Run cargo build, commit Cargo.lock, and push again.

/failed to (load source|clone|fetch)|Unable to update (https|ssh|git)|failed to authenticate|\(publickey\)
&git|ssh://
A crate comes from a git repository that could not be reached.
cargo's message is above; it is private, or this machine does not reach its host.
Publish it to a registry, or commit its code: cargo vendor

/no matching package (named|found)
?no matching package named \`([^\`]+)\`
?searched package name: \`([^\`]+)\`
The crate {asked for} does not exist in the registry.
The name in Cargo.toml may be misspelt.
Correct it in Cargo.toml.

/failed to select a version
?failed to select a version for the requirement \`([^ \`]+)
?failed to select a version for \`([^ \`]+)
No version of {a crate} fits what Cargo.toml asks for.
cargo says above which there are, and what asks for it.
Correct the version in Cargo.toml and run cargo update.

/requires rustc [0-9.]+ or newer|rustc [0-9.]+ is not supported|requires Rust
A crate needs a newer Rust than $rust_version.
cargo names it above.
Ask for an older version of it: cargo update NAME --precise VERSION

/feature .* is required|E0554|may not be used on the stable
The code needs the nightly compiler.
The stack has Rust $rust_version (stable).
Remove the #![feature] that cargo names above.

/linker .* not found|linking with .* failed|unable to find library|pkg-config|fatal error: .*: No such file
?failed to run custom build command for \`([^ \`]+)
?could not compile \`([^\`]+)\`
{A crate} needs a C library that the build image does not have.
The message is above.
Use the crate's vendored or bundled feature, if it has one, or add the Debian package to Aptfile.

/failed to run custom build command
?failed to run custom build command for \`([^ \`]+)
The build script of {a crate} failed.
Its output is above.
Correct what it asks for, or use another version of the crate.

/checksum for .* (changed|was not previously)|checksum mismatch|failed to verify the checksum
?checksum for \`([^\`]+)\`
?failed to verify the checksum of \`([^\`]+)\`
{A crate} is not what Cargo.lock says it is.
cargo's message is above (checksum).
If that is expected, run cargo update for it and commit Cargo.lock.

/Could not resolve host|failed to download|Timeout was reached|Could not connect
The crate registry could not be reached.
cargo's message is above.
Check the machine's network and push again.

The code does not compile with Rust $rust_version.
The compiler's message is above.
Try cargo build --release in a clean checkout.
TABLE
}

# explain_manifest LOG: what keeps cargo from reading the package at all.
explain_manifest() {
  explain "$1" <<TABLE
/failed to find a workspace root|current package believes it.s in a workspace
Cargo.toml is part of a workspace whose root is not in the pushed directory.
It takes settings from there; cargo names one above.
Push the whole workspace, and choose the package: berth config:set BP_RUST_PACKAGE=$(
    sed -nE 's/^name *= *"([^"]+)".*/\1/p' Cargo.toml | head -1)

/failed to (parse|load) manifest|invalid type|TOML parse error
Cargo.toml cannot be read.
cargo's message is above.
Correct it; cargo check reads it.

/package ID specification|package\(s\) .* not found|did not match any packages
There is no package ${BP_RUST_PACKAGE:-of that name} in the workspace (BP_RUST_PACKAGE).
cargo's message is above.
Correct it: berth config:set BP_RUST_PACKAGE=name
TABLE
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# cargo's own output was shown; this adds the reason and the remedy.

explain_cargo_failure() {
  local log=$1 name
  explain_exhaustion "$log"
  explain_manifest "$log"
  if grep -qE 'lock file .* needs to be updated|cannot update the lock file' "$log"; then
    fail "Cargo.lock does not match Cargo.toml." "cargo builds exactly what Cargo.lock says (--locked)." \
      "Run cargo build, commit Cargo.lock, and push again."
  elif says "$log" 'failed to (load source|clone|fetch)' 'Unable to update (https|ssh|git)' \
    'failed to authenticate' '\(publickey\)' && says "$log" 'git' 'ssh://'; then
    fail "A crate comes from a git repository that could not be reached." \
      "cargo's message is above; it is private, or this machine does not reach its host." \
      "Publish it to a registry, or commit its code: cargo vendor"
  elif grep -qE 'no matching package (named|found)' "$log"; then
    name=$(sed -nE -e 's/.*no matching package named `([^`]+)`.*/\1/p' \
      -e 's/.*searched package name: `([^`]+)`.*/\1/p' "$log" | head -1)
    fail "The crate ${name:-asked for} does not exist in the registry." \
      "The name in Cargo.toml may be misspelt." "Correct it in Cargo.toml."
  elif grep -qE 'failed to select a version' "$log"; then
    fail "No versions of the crates fit together." "cargo names them above." \
      "Correct the versions in Cargo.toml and run cargo update."
  elif grep -qE 'requires rustc [0-9.]+ or newer|rustc [0-9.]+ is not supported|requires Rust' "$log"; then
    fail "A crate needs a newer Rust than $rust_version." "cargo names it above." \
      "Ask for an older version of it: cargo update NAME --precise VERSION"
  elif grep -qE 'feature .* is required|E0554|may not be used on the stable' "$log"; then
    fail "The code needs the nightly compiler." "The stack has Rust $rust_version (stable)." \
      "Remove the #![feature] that cargo names above."
  elif says "$log" 'linker .* not found' 'linking with .* failed' 'unable to find library' \
    'pkg-config' 'fatal error: .*: No such file'; then
    name=$(sed -nE -e 's/.*failed to run custom build command for `([^ `]+).*/\1/p' \
      -e 's/.*could not compile `([^`]+)`.*/\1/p' "$log" | head -1)
    fail "${name:-A crate} needs a C library that the build image does not have." \
      "The message is above." \
      "Use the crate's vendored or bundled feature, if it has one, or add the Debian package to Aptfile."
  elif grep -qE 'checksum for .* changed|checksum mismatch' "$log"; then
    fail "A crate is not what Cargo.lock says it is." "cargo names it above (checksum)." \
      "If that is expected, run cargo update for it and commit Cargo.lock."
  elif grep -qE 'Could not resolve host|failed to download|Timeout was reached|Could not connect' "$log"
  then
    fail "The crate registry could not be reached." "cargo's message is above." \
      "Check the machine's network and push again."
  fi
  fail "The code does not compile with Rust $rust_version." "The compiler's message is above." \
    "Try cargo build --release in a clean checkout."
}

# explain_manifest LOG: what keeps cargo from reading the package at all.
explain_manifest() {
  if grep -qE 'failed to find a workspace root|current package believes it.s in a workspace' "$1"; then
    fail "Cargo.toml is part of a workspace whose root is not in the pushed directory." \
      "It takes settings from there; cargo names one above." \
      "Push the whole workspace, and choose the package: berth config:set BP_RUST_PACKAGE=$(
        sed -nE 's/^name *= *"([^"]+)".*/\1/p' Cargo.toml | head -1)"
  elif grep -qE 'failed to (parse|load) manifest|invalid type|TOML parse error' "$1"; then
    fail "Cargo.toml cannot be read." "cargo's message is above." "Correct it; cargo check reads it."
  elif grep -qE 'package ID specification|package\(s\) .* not found|did not match any packages' "$1"; then
    fail "There is no package ${BP_RUST_PACKAGE:-of that name} in the workspace (BP_RUST_PACKAGE)." \
      "cargo's message is above." "Correct it: berth config:set BP_RUST_PACKAGE=name"
  fi
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# cargo build --release with the registry and the target folder kept between builds.

export CARGO_HOME=$CNB_LAYERS_DIR/cargo-home CARGO_TARGET_DIR=$CNB_LAYERS_DIR/target
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_HTTP_CAINFO=$certificates
export SSL_CERT_FILE=$certificates

# refresh_time_stamps: cargo compares time stamps, and those of a fresh checkout say nothing. What has
# not changed since the last build is made old, the rest new.
refresh_time_stamps() {
  local known=$CARGO_TARGET_DIR/.sources now=$scratch/sources
  layer cargo-home c
  layer target c rust "$rust_version"
  find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0r sha256sum >"$now"
  touch -a "$known"
  find . -path ./.git -prune -o -type f -print0 | xargs -0r touch --date=@1
  { comm -13 <(sort "$known") <(sort "$now") || true; } | cut -c67- | tr '\n' '\0' |
    xargs -0r touch --no-create
  cp "$now" "$known.new"
}

build_crates() {
  local locked=() started=$SECONDS crates
  if [[ -f Cargo.lock ]]; then
    locked=(--locked)
  else
    warning "There is no Cargo.lock, so two builds may compile different versions." \
      "Commit the Cargo.lock that cargo build writes."
  fi
  quietly "$scratch/cargo.log" cargo build --release "${locked[@]}" ||
    explain_cargo_failure "$scratch/cargo.log"
  mv "$CARGO_TARGET_DIR/.sources.new" "$CARGO_TARGET_DIR/.sources"
  crates=$(grep -cE '^ +Compiling ' "$scratch/cargo.log" || true)
  heading "cargo build --release  ·  $(amount "$crates" crate) compiled ($((SECONDS - started)) s)"
  collect_programs
}

# collect_programs: the binaries of the default members, into a launch layer.
collect_programs() {
  local name
  fresh_layer_directory app
  mkdir -p "$CNB_LAYERS_DIR/app/bin"
  cargo metadata --format-version 1 --no-deps --offline >"$scratch/metadata.json" 2>/dev/null ||
    cargo metadata --format-version 1 --no-deps >"$scratch/metadata.json"
  programs=()
  while IFS= read -r name; do
    [[ -x $CARGO_TARGET_DIR/release/$name ]] || continue
    cp "$CARGO_TARGET_DIR/release/$name" "$CNB_LAYERS_DIR/app/bin/"
    strip --strip-debug "$CNB_LAYERS_DIR/app/bin/$name"
    programs+=("$name")
  done < <(jq -r '.packages[].targets[] | select(.kind | index("bin")) | .name' \
    "$scratch/metadata.json" | sort -u)
  layer app l
  layer_env app env.launch/ROCKET_ADDRESS.default 0.0.0.0
  ((${#programs[@]} > 0)) || fail "The package has no program." \
    "cargo built libraries only: there is no src/main.rs, src/bin/ or [[bin]]." \
    "Add one, or push the crate that has it."
}

choose_process() {
  local name preferred
  preferred=$(jq -r '[.packages[].default_run // empty][0] // ""' "$scratch/metadata.json")
  for name in "${BP_RUST_BIN:-}" "$preferred" web \
    "$(jq -r '.packages[0].name' "$scratch/metadata.json")" server api app "${programs[0]}"; do
    [[ -n $name && -f $CNB_LAYERS_DIR/app/bin/$name ]] || continue
    if grep -qE '^rocket[[:space:]]*=|^\[dependencies\.rocket\]' Cargo.toml; then
      shell_process web true "ROCKET_PORT=\$PORT exec $name"
    else
      process web true "$name"
    fi
    detail "web: $name"
    ((${#programs[@]} == 1)) || [[ -f Procfile ]] ||
      detail "The other programs are on PATH: ${programs[*]}. BP_RUST_BIN or a Procfile chooses."
    return
  done
}

explain_cargo_failure() {
  local log=$1 name
  explain_exhaustion "$log"
  if grep -qE 'lock file .* needs to be updated|cannot update the lock file' "$log"; then
    fail "Cargo.lock does not match Cargo.toml." "cargo builds exactly what Cargo.lock says (--locked)." \
      "Run cargo build, commit Cargo.lock, and push again."
  elif grep -qE 'no matching package named|no matching package found' "$log"; then
    name=$(sed -nE 's/.*no matching package (named|found for) `([^`]+)`.*/\2/p' "$log" | head -1)
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
  elif grep -qE "linker .* not found|linking with .* failed|unable to find library|pkg-config" "$log"; then
    fail "A crate needs a C library that the stack does not have." "The message is above." \
      "Use the crate's vendored or bundled feature, if it has one."
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

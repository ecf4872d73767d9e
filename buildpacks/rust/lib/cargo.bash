# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# cargo build --release with the registry and the target folder kept between builds. cargo compares time
# stamps; the platform keeps those of unchanged sources, so only the crates that changed are compiled.

readonly many_programs=6

export CARGO_HOME=$CNB_LAYERS_DIR/cargo-home CARGO_TARGET_DIR=$CNB_LAYERS_DIR/target
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_HTTP_CAINFO=$certificates
export SSL_CERT_FILE=$certificates CARGO_NET_GIT_FETCH_WITH_CLI=true GIT_TERMINAL_PROMPT=0
export GIT_SSH_COMMAND='ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new'

# read_metadata: what the workspace holds; no network is needed for that.
read_metadata() {
  noise=cat quietly "$scratch/cargo.log" cargo metadata --format-version 1 --no-deps --offline ||
    explain_cargo_failure "$scratch/cargo.log"
  grep '^{' "$scratch/cargo.log" >"$scratch/metadata.json"
}

# programs_of FILTER: names of the programs in the packages that FILTER selects.
programs_of() {
  jq -r ". as \$all | .packages[] | select($1) | .targets[] | select(.kind | index(\"bin\")) | .name" \
    "$scratch/metadata.json" | sort -u
}

# choose_package: fills selected with cargo's options. A workspace of many programs is a collection,
# and building all of it is no favour.
choose_package() {
  local default='.id as $id | ($all.workspace_default_members // $all.workspace_members) | index($id)'
  selected=()
  if [[ -n ${BP_RUST_PACKAGE:-} ]]; then
    selected=(--package "$BP_RUST_PACKAGE")
    detail "Building $BP_RUST_PACKAGE (BP_RUST_PACKAGE)"
  elif (($(programs_of "$default" | wc -l) < many_programs)); then
    return
  elif [[ -n ${BP_RUST_BIN:-} ]]; then
    selected=(--bin "$BP_RUST_BIN")
    detail "Building $BP_RUST_BIN (BP_RUST_BIN)"
  else
    jq -r '.packages[] | select(any(.targets[].kind; index("bin"))) | .name' \
      "$scratch/metadata.json" | sort >"$scratch/packages.txt"
    head -100 "$scratch/packages.txt" | indent
    fail "The workspace has $(programs_of "$default" | wc -l) programs; nothing says which is the app." \
      "The packages that have them are listed above." \
      "Choose, for example: berth config:set BP_RUST_PACKAGE=$(head -1 "$scratch/packages.txt")"
  fi
}

build_crates() {
  local locked=() started=$SECONDS crates
  layer cargo-home c
  layer target c rust "$rust_version"
  if [[ -f Cargo.lock ]]; then
    locked=(--locked)
  else
    warning "There is no Cargo.lock, so two builds may compile different versions." \
      "Commit the Cargo.lock that cargo build writes."
  fi
  quietly "$scratch/cargo.log" cargo build --release ${locked[@]+"${locked[@]}"} \
    ${selected[@]+"${selected[@]}"} || explain_cargo_failure "$scratch/cargo.log"
  crates=$(grep -cE '^ +Compiling ' "$scratch/cargo.log" || true)
  heading "cargo build --release  ·  $(amount "$crates" crate) compiled ($((SECONDS - started)) s)"
  collect_programs
}

# collect_programs: what was built, into a launch layer.
collect_programs() {
  local name filter=true
  [[ -z ${BP_RUST_PACKAGE:-} ]] || filter='.name == env.BP_RUST_PACKAGE'
  fresh_layer_directory app
  mkdir -p "$CNB_LAYERS_DIR/app/bin"
  programs=()
  while IFS= read -r name; do
    [[ -x $CARGO_TARGET_DIR/release/$name ]] || continue
    cp "$CARGO_TARGET_DIR/release/$name" "$CNB_LAYERS_DIR/app/bin/"
    strip --strip-debug "$CNB_LAYERS_DIR/app/bin/$name"
    programs+=("$name")
  done < <(programs_of "$filter")
  layer app l
  layer_env app env.launch/ROCKET_ADDRESS.default 0.0.0.0
  ((${#programs[@]} > 0)) || fail "The package has no program." \
    "cargo built libraries only: there is no src/main.rs, src/bin/ or [[bin]]." \
    "Add one, or push the crate that has it."
  [[ -z ${BP_RUST_BIN:-} || -f $CNB_LAYERS_DIR/app/bin/$BP_RUST_BIN ]] ||
    fail "There is no program $BP_RUST_BIN (BP_RUST_BIN)." "Here are: ${programs[*]}." \
      "Correct it: berth config:set BP_RUST_BIN=${programs[0]}"
}

uses_rocket() {
  jq -e 'any(.packages[].dependencies[]; .name == "rocket")' "$scratch/metadata.json" >/dev/null
}

choose_process() {
  local name preferred
  preferred=$(jq -r '[.packages[].default_run // empty][0] // ""' "$scratch/metadata.json")
  for name in "${BP_RUST_BIN:-}" "$preferred" web \
    "$(jq -r '.packages[0].name' "$scratch/metadata.json")" server api app "${programs[0]}"; do
    [[ -n $name && -f $CNB_LAYERS_DIR/app/bin/$name ]] || continue
    if uses_rocket; then
      shell_process web true "ROCKET_PORT=\$PORT exec $name"
    else
      process web true "$name"
    fi
    if ((${#programs[@]} == 1)); then
      detail "web: $name"
    elif [[ ! -f Procfile ]]; then
      detail "web: $name (of ${programs[*]}; BP_RUST_BIN or a Procfile chooses)"
    fi
    return
  done
}

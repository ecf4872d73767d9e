# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which main packages are built, and which of the programs is web.

readonly many_packages=6 # from here on, guessing which main packages to build is no favour

# main_packages PATTERN…: import path and folder of each main package.
main_packages() {
  go list -e -tags heroku -f '{{if eq .Name "main"}}{{.ImportPath}} {{.Dir}}{{end}}' "$@"
}

# patterns: the packages of the module, or of each module of the workspace.
patterns() {
  if [[ -f go.work ]]; then go list -m -f '{{.Dir}}/...'; else printf './...\n'; fi
}

# choose_packages: fills packages with what to build, from the explicit to the guessed.
choose_packages() {
  local spec source where=()
  spec=${BP_GO_TARGETS:-${GO_INSTALL_PACKAGE_SPEC:-}}
  source=BP_GO_TARGETS
  if [[ -z $spec && -f go.mod ]]; then
    spec=$(sed -nE 's|^// \+heroku install (.*)|\1|p' go.mod | head -1)
    source='go.mod: +heroku install'
  fi
  if [[ -n $spec ]]; then
    IFS=', ' read -ra packages <<<"$spec"
    detail "Building ${packages[*]} ($source)"
    return
  fi
  mapfile -t where < <(patterns)
  found=$(quietly_list "${where[@]}")
  [[ -n $found ]] || fail "The module has no main package." \
    "There is nothing to run: no folder has package main." \
    "Add a main package, or choose one by BP_GO_TARGETS if a build tag hides it."
  leave_out_examples
  mapfile -t packages < <(cut -d' ' -f1 <<<"$found")
  ((${#packages[@]} < many_packages)) || prefer_root_and_cmd
}

# folders: of the found main packages, as one would write them.
folders() { cut -d' ' -f2- <<<"$found" | sed -e "s|^$PWD/|./|" -e "s|^$PWD\$|.|"; }

# leave_out_examples: main packages that are no part of the app, if others are left.
leave_out_examples() {
  local others no_app='/(_?examples?|testdata|tests?|e2e|tools?|scripts?|hack)(/|$)'
  others=$(grep -vE "$no_app" <<<"$found" || true)
  if [[ -n $others && $others != "$found" ]]; then
    detail "Left out: $(comm -23 <(folders | sort) <(found=$others folders | sort) | paste -sd' ')." \
      "BP_GO_TARGETS chooses."
    found=$others
  fi
}

quietly_list() {
  local log=$scratch/list.log
  main_packages "$@" 2>"$log" || { indent <"$log" && explain_go_failure "$log"; } >&2
}

# prefer_root_and_cmd: of many, the one in the root and those in cmd/.
prefer_root_and_cmd() {
  local path folder first
  packages=()
  while read -r path folder; do
    [[ $folder == "$PWD" || $folder == "$PWD"/cmd/* ]] && packages+=("$path")
  done <<<"$found"
  if ((${#packages[@]} == 0 || ${#packages[@]} >= many_packages)); then
    first=$(folders | grep -m1 -E '/(basic|hello|web|server|app|main)$' || folders | head -1)
    folders | head -40 | indent
    fail "The module has $(folders | wc -l) main packages, and nothing says which one is the app." \
      "They are listed above." "Choose, for example: berth config:set BP_GO_TARGETS=$first"
  fi
}

# choose_cgo: C code is compiled if a package needs it; otherwise the programs are static. What the
# modules need is looked up when go.mod or go.sum change.
choose_cgo() {
  local key needs
  if [[ -n ${CGO_ENABLED:-} ]]; then
    detail "CGO_ENABLED=$CGO_ENABLED (config var)"
    layer modules c
    return
  fi
  key=$({
    printf '%s\n' "$version" "${packages[@]}"
    cat go.mod go.sum go.work ./*/go.mod || true
  } 2>/dev/null | digest_of -)
  if [[ $(restored modules key) == "$key" ]]; then
    needs=$(restored modules cgo)
  else
    needs=$(CGO_ENABLED=1 go list -e -deps -tags heroku \
      -f '{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}' "${packages[@]}" \
      2>/dev/null | head -1 || true)
  fi
  layer modules c key "$key" cgo "$needs"
  [[ -n $needs ]] || needs=$(grep -rlE --include='*.go' --exclude='*_test.go' --exclude-dir=vendor \
    '^(import )?[[:space:]]*"C"' . | head -1 || true)
  export CGO_ENABLED=0
  if [[ -n $needs ]]; then
    CGO_ENABLED=1
    detail "C code is compiled, for $needs (CGO_ENABLED=0 turns it off)"
  fi
}

build_packages() {
  local bin=$CNB_LAYERS_DIR/app/bin started=$SECONDS
  fresh_layer_directory app
  GOBIN=$bin quietly "$scratch/go.log" go install -tags heroku -ldflags '-s -w' "${packages[@]}" ||
    explain_go_failure "$scratch/go.log"
  layer app l
  binaries=("$bin"/*)
  ((${#binaries[@]} > 0)) || fail "go install made no program." \
    "None of ${packages[*]} is a main package." \
    "Correct it: berth config:set BP_GO_TARGETS=./folder"
  binaries=("${binaries[@]##*/}")
  link_binaries
  heading "go install  ·  $(IFS=' '; printf '%s' "${binaries[*]}") ($((SECONDS - started)) s)"
}

# link_binaries: a Procfile may name programs as Heroku has them, bin/NAME in the app's folder.
link_binaries() {
  local name
  for name in "${binaries[@]}"; do
    [[ ! -e bin/$name ]] && grep -qsE "(^|[[:space:]:./])bin/$name([[:space:]]|\$)" Procfile || continue
    mkdir -p bin
    ln -sf "$CNB_LAYERS_DIR/app/bin/$name" "bin/$name"
  done
}

# choose_process: web is the program of that name, or the only one, or the one of the module's root.
choose_process() {
  local name root=''
  [[ ! -f go.mod ]] || root=$(sed -nE 's/^module[[:space:]]+"?([^"[:space:]]+).*/\1/p' go.mod | head -1)
  [[ ! $root =~ ^(.*)/v[0-9]+$ ]] || root=${BASH_REMATCH[1]}
  root=${root##*/}
  for name in web "$root" server api app main "${binaries[0]}"; do
    [[ -n $name && -f $CNB_LAYERS_DIR/app/bin/$name ]] || continue
    process web true "$name"
    if ((${#binaries[@]} == 1)); then
      detail "web: $name"
    elif [[ ! -f Procfile ]]; then
      detail "web: $name (of ${binaries[*]}; a Procfile chooses: web: ${binaries[-1]})"
    fi
    return
  done
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Meson with Ninja, in a build directory that is kept.

install_meson() {
  debian_without=()
  debian_layer tools c build Meson meson ninja-build
  debian_environment tools
  export PYTHONPATH=$CNB_LAYERS_DIR/tools/usr/lib/python3/dist-packages
  heading "Using Meson $(meson --version), $(c++ --version | head -1)"
  layer build-tree c
  [[ -z $debian_fresh ]] || rm -rf "$build"
}

configure_meson() {
  local started=$SECONDS more=()
  read -ra more <<<"${BP_MESON_OPTIONS:-}"
  [[ ! -d $build ]] || more+=(--reconfigure)
  configure_until_found meson setup --buildtype=release ${more[@]+"${more[@]}"} "$build" .
  heading "meson setup  ·  configured ($((SECONDS - started)) s)"
}

find_meson_programs() {
  mapfile -t programs < <(meson introspect --targets "$build" |
    jq -r '.[] | select(.type == "executable") | "\(.name)\t\(.filename[0])"' | sort -u)
  project=$(meson introspect --projectinfo "$build" | jq -r .descriptive_name)
}

build_meson() {
  local started=$SECONDS
  quietly "$scratch/build.log" ninja -C "$build" "${targets[@]}" ||
    explain_compile_failure "$scratch/build.log"
  heading "ninja  ·  ${targets[*]} ($((SECONDS - started)) s)"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# CMake with Ninja, in a build directory that is kept. Its file interface tells which programs there are.

readonly build=$CNB_LAYERS_DIR/build-tree/release

install_cmake() {
  debian_without=()
  debian_layer tools c build CMake cmake ninja-build
  debian_environment tools
  heading "Using CMake $(cmake --version | sed -nE '1s/.* //p'), $(c++ --version | head -1)"
  layer build-tree c
  # A build directory of another tool chain is worth nothing.
  [[ -z $debian_fresh ]] || rm -rf "$build"
}

# test_options: the options of the project that turn its tests on. An app does without, and tests like
# to download their framework.
test_options() {
  sed -nE 's/^[[:space:]]*(cmake_dependent_)?option[[:space:]]*\([[:space:]]*([A-Za-z0-9_]*(BUILD_TESTS?|BUILD_TESTING|ENABLE_TESTS?|BUILD_UNIT_TESTS|_TESTS))[[:space:]].*/\2/Ip' \
    CMakeLists.txt | sort -u
}

cmake_options() {
  options=(-S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE="${BP_CMAKE_BUILD_TYPE:-Release}"
    -DBUILD_TESTING=OFF --no-warn-unused-cli)
  local more=() name
  for name in $(test_options); do options+=("-D$name=OFF"); done
  read -ra more <<<"${BP_CMAKE_OPTIONS:-}"
  options+=(${more[@]+"${more[@]}"})
}

configure_cmake() {
  local options=() started=$SECONDS key
  cmake_options
  key=$(printf '%s\n' "${options[@]}" | digest_of -)
  [[ $(restored build-tree key) == "$key" ]] || rm -rf "$build"
  layer build-tree c key "$key"
  mkdir -p "$build/.cmake/api/v1/query"
  : >"$build/.cmake/api/v1/query/codemodel-v2"
  configure_until_found cmake "${options[@]}"
  heading "cmake  ·  configured ($((SECONDS - started)) s)"
}

# find_cmake_programs: every executable target, tests and examples too.
find_cmake_programs() {
  local reply=$build/.cmake/api/v1/reply
  mapfile -t programs < <(jq -r 'select(.type == "EXECUTABLE") | "\(.name)\t\(.artifacts[0].path)"' \
    "$reply"/target-*.json | sort -u)
  project=$(jq -r '.configurations[0].projects[0].name' "$reply"/codemodel-v2-*.json | head -1)
}

build_cmake() {
  local started=$SECONDS
  quietly "$scratch/build.log" cmake --build "$build" --target "${targets[@]}" ||
    explain_compile_failure "$scratch/build.log"
  heading "cmake --build  ·  ${targets[*]} ($((SECONDS - started)) s)"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A Java that is newer than Debian's, of Eclipse Temurin: the newest build of a line, as the project's API
# (api.adoptium.net) tells it, the archive checked against the digest that is told there.

readonly adoptium=${ADOPTIUM_API_URL:-https://api.adoptium.net}

temurin='' # the line, if Java comes from there

# find_temurin LINE: whether there is one; what the last build took does where nobody answers.
find_temurin() {
  local build url digest
  temurin_build jre "$1" || [[ $(restored jre line) == "$1" ]] || return
  temurin=$1
}

# temurin_build IMAGE LINE: sets build, url and digest of the newest; IMAGE is jre or jdk.
temurin_build() {
  local query="architecture=x64&heap_size=normal&image_type=$1&os=linux&vendor=eclipse"
  fetch "$adoptium/v3/assets/latest/$2/hotspot?$query" "$scratch/temurin.json" || return
  IFS=$'\t' read -r build url digest < <(jq -r '.[0] // empty |
    [.release_name, .binary.package.link, .binary.package.checksum] | @tsv' "$scratch/temurin.json" 2>/dev/null) ||
    { printf 'it has no Java %s for this machine\n' "$2" >"$scratch/upstream.log" && return 1; }
}

# temurin_layer IMAGE FLAGS: the layer of this name. Sets java_fresh if it was made anew.
temurin_layer() {
  local build url digest had
  had=$(restored "$1" build)
  java_fresh=
  if ! temurin_build "$1" "$temurin"; then
    build=$had
  elif [[ $build != "$had" ]]; then
    heading "Fetching $build (${1^^}) from where the Eclipse Temurin project publishes it"
    fresh_layer_directory "$1"
    fetch "$url" "$scratch/temurin.tar.gz" "$digest" &&
      tar -xzf "$scratch/temurin.tar.gz" --no-same-owner --strip-components=1 -C "$CNB_LAYERS_DIR/$1" \
        2>"$scratch/upstream.log" || build=
    rm -f "$scratch/temurin.tar.gz"
    java_fresh=yes
  fi
  [[ -n $build ]] || fail "Java $temurin could not be fetched: $(tail -1 "$scratch/upstream.log")" \
    "The Eclipse Temurin project publishes it." "Push again, or ask for Java $debian_java."
  layer "$1" "$2" line "$temurin" build "$build"
}

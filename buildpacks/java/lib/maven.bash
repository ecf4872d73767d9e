# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Maven: the wrapper's version if it can be had, else the one in central.txt, else Debian's. Its repository
# is a layer of the cache.

readonly wrapper_properties=.mvn/wrapper/maven-wrapper.properties

# central NAME FILE: fetches what lib/central.txt pins under NAME, with Maven itself; checks the hash.
central() {
  local artifact hash folder=$scratch/central
  read -r artifact hash < <(grep ":$1:" "$CNB_BUILDPACK_DIR/lib/central.txt")
  rm -rf "$folder"
  "${maven[@]}" --quiet dependency:copy "-Dartifact=$artifact" "-DoutputDirectory=$folder" \
    </dev/null >"$scratch/central.log" 2>&1 || return 1
  mv "$folder"/* "$2"
  [[ $(sha256sum "$2" | cut -d' ' -f1) == "$hash" ]] || {
    printf '%s is not what lib/central.txt says it is.\n' "$artifact" >"$scratch/central.log"
    return 1
  }
}

# own_maven: the version that lib/central.txt pins, fetched by Debian's older one, which stands in for it
# where that fails.
own_maven() {
  local pinned
  pinned=$(sed -nE 's/.*:apache-maven:([0-9.]+):.*/\1/p' "$CNB_BUILDPACK_DIR/lib/central.txt")
  maven=("$CNB_LAYERS_DIR/maven/bin/mvn") maven_reason="the platform's"
  if [[ $(restored maven version) == "$pinned" ]]; then
    layer maven c version "$pinned"
    return
  fi
  # What a Java runtime would bring is there already.
  debian_without=("openjdk-$debian_java-jre-headless" default-jre-headless ca-certificates-java
    java-common "openjdk-$debian_java-jre" default-jre)
  debian_layer debian-maven c build Maven maven
  maven=("$CNB_LAYERS_DIR/debian-maven/usr/share/maven/bin/mvn" "${maven_options[@]}")
  if central apache-maven "$scratch/maven.tar.gz"; then
    fresh_layer_directory maven
    tar -xzf "$scratch/maven.tar.gz" -C "$CNB_LAYERS_DIR/maven" --strip-components=1
    layer maven c version "$pinned"
    rm -rf "$CNB_LAYERS_DIR"/debian-maven{,-checked}{,.toml}
    maven=("$CNB_LAYERS_DIR/maven/bin/mvn")
  else
    warning "Maven $pinned could not be fetched: $(grep -m1 . "$scratch/central.log")" \
      "Debian's older one is used instead."
    maven=("${maven[0]}") maven_reason=Debian
  fi
}

# try_wrapper: whether ./mvnw gets its own Maven; what it downloads stays in the cache.
try_wrapper() {
  local wanted
  wanted=$(sed -nE 's|^distributionUrl=.*apache-maven-([0-9][^/]*)-bin.*|\1|p' "$wrapper_properties" |
    tr -d '\r')
  ! grep -q $'\r' mvnw || sed -i 's/\r$//' mvnw
  maven=(sh ./mvnw) maven_reason=mvnw
  "${maven[@]}" --version >"$scratch/wrapper.log" 2>&1 </dev/null && return
  if grep -qiE 'sha-?256|checksum' "$scratch/wrapper.log"; then
    indent <"$scratch/wrapper.log"
    fail "Maven $wanted is not what $wrapper_properties says it is." \
      "Its checksum differs from distributionSha256Sum." "Correct $wrapper_properties."
  fi
  warning "mvnw could not fetch Maven ${wanted:-}: $(tail -1 "$scratch/wrapper.log")" \
    "The platform's Maven is used instead."
  return 1
}

choose_maven() {
  export MAVEN_USER_HOME=$CNB_LAYERS_DIR/wrapper MAVEN_OPTS=${MAVEN_OPTS:--XX:TieredStopAtLevel=1}
  layer wrapper c
  layer repository c
  python3 "$CNB_BUILDPACK_DIR/lib/settings.py" "$scratch/global.xml"
  maven_options=(--batch-mode --strict-checksums --global-settings "$scratch/global.xml"
    "-Dmaven.repo.local=$CNB_LAYERS_DIR/repository")
  if [[ ! -f mvnw || ! -f $wrapper_properties ]] || ! try_wrapper; then own_maven; fi
  maven_version=$("${maven[@]}" --version 2>/dev/null | sed -nE 's/.*Apache Maven ([0-9][^ ]*).*/\1/p' |
    sed 's/\x1b.*//')
  heading "Using Maven $maven_version ($maven_reason)"
  # Older ones do not know the option.
  [[ $(printf '%s\n' 3.6.1 "$maven_version" | sort -V | head -1) != 3.6.1 ]] ||
    maven_options+=(--no-transfer-progress)
  maven+=("${maven_options[@]}")
  choose_settings
}

# choose_settings: the app's own settings.xml, as Heroku finds it.
choose_settings() {
  local settings=${MAVEN_SETTINGS_PATH:-}
  if [[ -n $settings && ! -f $settings ]]; then
    fail "$settings is not there (MAVEN_SETTINGS_PATH)." "It would be Maven's settings.xml." \
      "Commit it, or unset the config var."
  fi
  [[ -n $settings || ! -f settings.xml ]] || settings=settings.xml
  [[ -z $settings ]] || { maven+=(--settings "$settings") && detail "Settings: $settings"; }
}

build_with_maven() {
  local goals arguments=() started=$SECONDS
  goals=${MAVEN_CUSTOM_GOALS:-${BP_MAVEN_BUILD_ARGUMENTS:-package}}
  read -ra arguments <<<"$goals ${MAVEN_CUSTOM_OPTS:--DskipTests}"
  [[ -z ${BP_MAVEN_BUILT_MODULE:-} ]] ||
    arguments+=(--projects "$BP_MAVEN_BUILT_MODULE" --also-make)
  arguments+=(${maven_version_options[@]+"${maven_version_options[@]}"})
  heading "mvn ${arguments[*]}"
  "${maven[@]}" "${arguments[@]}" </dev/null 2>&1 | tee "$scratch/maven.log" |
    sed -unE 's/^\[INFO\] (Building [^:]*|--- .*[^-])( -+)?$/\1/p' | indent ||
    explain_maven_failure "$scratch/maven.log"
  detail "Built in $((SECONDS - started)) s."
}

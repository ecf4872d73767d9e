# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which build tool and which Java the app wants, and whether they can be had: Debian's, which runs what was
# written for an older one and compiles for it; or a newer one of Eclipse Temurin, if that project may be
# asked for it (temurin.bash).

readonly debian_java=17
java_line=$debian_java

# refuse_other_build_tools: says why an app without a pom.xml cannot be built.
refuse_other_build_tools() {
  local gradle=(build.gradle build.gradle.kts settings.gradle settings.gradle.kts)
  local file
  for file in "${gradle[@]}"; do
    [[ -f $file ]] || continue
    if [[ -f pom.xml ]]; then
      detail "pom.xml and $file are both there: Maven builds."
      return
    fi
    fail "This app is built by Gradle ($file), and this platform builds Java with Maven." \
      "Gradle's distributions are in no registry that the platform uses." \
      "Add a pom.xml, or push the finished jar with a Procfile: web: java -jar app.jar"
  done
  [[ ! -f pom.xml ]] || return 0
  if [[ -f build.sbt || -f project.clj ]]; then
    file=build.sbt
    [[ -f $file ]] || file=project.clj
    fail "This app is built by a tool that this platform does not have ($file)." \
      "sbt and Leiningen are not here; Java is built with Maven." \
      "Push the finished jar with a Procfile: web: java -jar app.jar"
  fi
}

pom_value() {
  [[ -f pom.xml ]] || return 0
  sed -nE "s|.*<$1>[[:space:]]*(1\.)?([0-9]+)(\.[0-9.]*)?[[:space:]]*</$1>.*|\2|p" pom.xml | head -1
}

# wanted_java: sets request and request_source; empty if the app does not say.
wanted_java() {
  local name
  request='' request_source=''
  if [[ -n ${BP_JVM_VERSION:-} ]]; then
    request=$BP_JVM_VERSION request_source=BP_JVM_VERSION
    return
  fi
  if [[ -f system.properties ]]; then
    request_source=system.properties
    request=$(sed -nE 's/^[[:space:]]*java\.runtime\.version[[:space:]]*[=:][[:space:]]*([^[:space:]]+).*/\1/p' \
      system.properties | head -1)
  fi
  if [[ -z $request && -f .java-version ]]; then
    request_source=.java-version
    request=$(grep -m1 -v '^#' .java-version || true)
  fi
  if [[ -z $request && -f .sdkmanrc ]]; then
    request_source=.sdkmanrc
    request=$(sed -nE 's/^java=([0-9.]+).*/\1/p' .sdkmanrc | head -1)
  fi
  if [[ -z $request && -f .tool-versions ]]; then
    request_source=.tool-versions
    request=$(sed -nE 's/^java[[:space:]]+([^[:space:]]+).*/\1/p' .tool-versions | head -1)
  fi
  for name in java.version maven.compiler.release maven.compiler.target; do
    [[ -z $request ]] || return 0
    request=$(pom_value "$name") request_source="pom.xml: $name"
  done
  [[ -n $request ]] || request_source=
}

choose_version() {
  local wanted
  maven_version_options=()
  wanted_java
  wanted=$(sed -E 's/^[a-z-]*//; s/^1\.([0-9])/\1/; s/[^0-9].*//' <<<"${request,,}")
  if [[ -z $request ]]; then
    java_reason="the stack's"
  elif [[ -z $wanted ]]; then
    fail "\"$request\" is not a Java version (asked for by $request_source)." \
      "It reads like $java_line or $java_line.0.9." "Correct $request_source."
  elif ((wanted > java_line)) && asks_upstream ADOPTIUM_API_URL && find_temurin "$wanted"; then
    java_line=$wanted java_reason="$request_source, Eclipse Temurin"
  elif ((wanted > java_line)); then
    fail "Java $wanted is not available (asked for by $request_source)." \
      "What can be had: Java $java_line, the stack's; $(other_versions "Eclipse Temurin")" \
      "Ask for $java_line there, or try this app on it: berth config:set BP_JVM_VERSION=$java_line"
  elif ((wanted < java_line)); then
    java_reason="$request_source asks for $request, which it runs"
  else
    java_reason=$request_source
  fi
  # An explicit 17 against a pom.xml that asks for more: compile for 17, too.
  if [[ $request_source == BP_JVM_VERSION ]]; then
    for wanted in java.version maven.compiler.release maven.compiler.source maven.compiler.target; do
      (($(pom_value "$wanted" || true) + 0 <= java_line)) ||
        maven_version_options+=("-D$wanted=$java_line")
    done
  fi
}

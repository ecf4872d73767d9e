# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The runtime, a layer of the image, and the compiler, a layer of the cache: Debian's OpenJDK, or Temurin's.

# java_home LAYER: the folder in it.
java_home() {
  local debian=/usr/lib/jvm/java-$java_line-openjdk-amd64
  [[ -z $temurin ]] || debian=
  printf '%s%s' "$CNB_LAYERS_DIR/$1" "$debian"
}

readonly layer_epoch=@315532801 # the one time stamp of files in image layers

# make_trust_store OUT CERTIFICATE…: Java reads its own format only.
make_trust_store() {
  local out=$1
  shift
  rm -f "$out"
  cat "$@" | python3 "$CNB_BUILDPACK_DIR/lib/trust_store.py" "$out"
}

# debian_jre: sets java_fresh if the layer was made anew.
debian_jre() {
  # Packages that only bring a trust store, links in /usr/bin and printing.
  debian_without=(ca-certificates-java java-common libcups2 libavahi-client3 libavahi-common3
    libavahi-common-data)
  debian_layer jre lbc run "Java $java_line" "openjdk-$java_line-jre-headless"
  java_fresh=$debian_fresh
}

# install_runtime: the JRE and what it needs on the run image; trusts what the stack trusts.
install_runtime() {
  local home
  home=$(java_home jre)
  if [[ -n $temurin ]]; then temurin_layer jre lbc; else debian_jre; fi
  if [[ -n $java_fresh ]]; then
    make_trust_store "$home/lib/security/cacerts" /usr/share/ca-certificates/mozilla/*.crt
    # What Debian's own script does: an archive of the standard classes, a third off each start.
    # It holds the module file's time stamp, and in an image all files have the same one.
    touch --date="$layer_epoch" "$home/lib/modules"
    "$home/bin/java" -Xshare:dump >"$scratch/dump.log" 2>&1 || true
  fi
  java_version=$("$home/bin/java" -version 2>&1 | sed -nE '1s/.*"([^"]+)".*/\1/p')
  heading "Using Java $java_version ($java_reason)"
  layer_env jre env/JAVA_HOME.override "$home"
  layer_env jre env/PATH.prepend "$home/bin"
  layer_env jre env/PATH.delim :
  layer_env jre env.launch/LD_LIBRARY_PATH.prepend "$CNB_LAYERS_DIR/jre/usr/lib/x86_64-linux-gnu"
  layer_env jre env.launch/LD_LIBRARY_PATH.delim :
  # The heap takes what the replica's memory limit leaves beside code, classes and threads.
  layer_env jre env.launch/JAVA_TOOL_OPTIONS.default \
    "-XX:MaxRAMPercentage=60 -XX:+ExitOnOutOfMemoryError -Dfile.encoding=UTF-8"
  export JAVA_HOME=$home PATH=$home/bin:$PATH
  export LD_LIBRARY_PATH=$CNB_LAYERS_DIR/jre/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

# debian_jdk: the JDK's files beside hard links to the runtime's, as the packages expect it. Sets java_fresh.
debian_jdk() {
  local runtime
  runtime=$(restored jre files)
  debian_without=("openjdk-$java_line-jre-headless" ca-certificates-java java-common)
  [[ $(restored jdk-trust runtime) == "$runtime" ]] || rm -rf "$CNB_LAYERS_DIR/jdk"
  debian_layer jdk c build "Java $java_line" "openjdk-$java_line-jdk-headless"
  java_fresh=$debian_fresh
  if [[ -n $java_fresh ]]; then
    cp -rlPn "$CNB_LAYERS_DIR/jre/." "$CNB_LAYERS_DIR/jdk/"
    rm -rf "$CNB_LAYERS_DIR"/jdk/env*
  fi
}

# install_compiler: trusts what this machine trusts, so that a proxy with a certificate of its own works.
install_compiler() {
  local home key
  home=$(java_home jdk)
  key=$(digest_of "$certificates")
  if [[ -n $temurin ]]; then temurin_layer jdk c; else debian_jdk; fi
  if [[ -n $java_fresh || $(restored jdk-trust certificates) != "$key" ]]; then
    make_trust_store "$home/lib/security/cacerts" "$certificates"
  fi
  layer jdk-trust c runtime "$(restored jre files)" certificates "$key"
  export JAVA_HOME=$home PATH=$home/bin:$PATH
}

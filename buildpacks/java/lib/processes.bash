# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the build left, and how it is started.

jar_has() { unzip -Z1 "$1" 2>/dev/null | any_line "$2"; }

main_class() {
  unzip -p "$1" META-INF/MANIFEST.MF 2>/dev/null | tr -d '\r' |
    sed -nE 's/^Main-Class:[[:space:]]*([^[:space:]]+).*/\1/p' | head -1 || true
}

web() {
  shell_process web true "$1"
  detail "web: $1 ($2)"
}

# built_files SUFFIX: what the modules' builds left, without the parts that are not programs.
built_files() {
  local file module=${BP_MAVEN_BUILT_MODULE:-}
  for file in "${module:+$module/}"target/*."$1" "${module:+$module/}"*/target/*."$1" \
    "${module:+$module/}"*/*/target/*."$1"; do
    case ${file##*/} in
      *-sources.jar | *-javadoc.jar | *-tests.jar | *-test-sources.jar | original-*) continue ;;
    esac
    printf '%s\n' "$file"
  done
}

# start_jar JAR: the framework decides how the port is told.
start_jar() {
  local jar=$1
  if jar_has "$jar" '^(BOOT-INF/|org/springframework/boot/loader/)'; then
    web "java -Dserver.port=\$PORT \$JAVA_OPTS -jar $jar" "Spring Boot"
  elif jar_has "$jar" '^io/quarkus/|^META-INF/quarkus'; then
    web "java -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=\$PORT \$JAVA_OPTS -jar $jar" Quarkus
  elif jar_has "$jar" '^io/micronaut/'; then
    web "java -Dmicronaut.server.port=\$PORT \$JAVA_OPTS -jar $jar" Micronaut
  elif jar_has "$jar" '^io/helidon/'; then
    web "java -Dserver.port=\$PORT -Dserver.host=0.0.0.0 \$JAVA_OPTS -jar $jar" Helidon
  elif serves "$jar"; then
    web "java \$JAVA_OPTS -jar $jar" "the jar's Main-Class; it must listen on \$PORT"
  else
    shell_process task true "java \$JAVA_OPTS -jar $jar"
    detail "task: java \$JAVA_OPTS -jar $jar"
    [[ -f Procfile ]] || warning "Nothing in $jar opens a server socket, so it is no web process." \
      "Run it by: berth run java -jar $jar   (if it does serve, say so in a Procfile)"
  fi
}

# serves JAR: whether its classes name Java's server sockets. One whose libraries lie elsewhere may.
serves() {
  unzip -p "$1" META-INF/MANIFEST.MF | any_line '^Class-Path:' && return
  # It fails where a jar has no jars in it, which is no answer.
  { unzip -p "$1" '*.class' '*.jar' 2>/dev/null || true; } |
    any_line 'ServerSocket|com/sun/net/httpserver|java/nio/channels/Selector|io/netty|org/eclipse/jetty'
}

# start_war WAR: one that cannot start itself gets Tomcat beside it.
start_war() {
  local war=$1 generation=jakarta version
  if [[ -f $war && -n $(main_class "$war") ]]; then
    start_jar "$war"
    return
  fi
  version=$(sed -nE 's/.*:tomcat:([0-9.]+):.*/\1/p' "$CNB_BUILDPACK_DIR/lib/central.txt")
  if [[ $(restored tomcat version) != "$version" ]]; then
    [[ -n ${maven[*]-} ]] || { install_compiler && choose_maven; }
    central tomcat "$scratch/tomcat.tar.gz" || {
      indent <"$scratch/central.log"
      fail "Tomcat $version, which would serve $war, could not be fetched." "Maven's message is above." \
        "Check the machine's network and push again, or make the war start itself."
    }
    fresh_layer_directory tomcat
    tar -xzf "$scratch/tomcat.tar.gz" -C "$CNB_LAYERS_DIR/tomcat" --strip-components=1 \
      --exclude='*/webapps' --exclude='*.bat' --exclude='*/logs' --exclude='*/temp' --exclude='*/work'
  fi
  cmp -s "$CNB_BUILDPACK_DIR/lib/berth-war" "$CNB_LAYERS_DIR/tomcat/bin/berth-war" ||
    cp "$CNB_BUILDPACK_DIR/lib/berth-war" "$CNB_LAYERS_DIR/tomcat/bin/"
  layer tomcat lc version "$version"
  if ! uses_jakarta "$war"; then
    generation="javax, translated to jakarta"
    translate_war "$war"
    war=$CNB_LAYERS_DIR/war/app.war
  fi
  process web true berth-war "$war"
  detail "web: $war ($generation) in Tomcat $version"
}

# translate_war WAR: a copy that names the newer servlet packages, made by Tomcat's own tool.
translate_war() {
  local tools=("$CNB_LAYERS_DIR"/tomcat/lib/jakartaee-migration-*.jar)
  fresh_layer_directory war
  quietly "$scratch/migration.log" java -jar "${tools[0]}" "$1" "$CNB_LAYERS_DIR/war/app.war" ||
    fail "$1 could not be translated to the servlet packages of today." "The message is above." \
      "Use jakarta.servlet in the code, or make the war start itself."
  layer war l
}

# uses_jakarta WAR: whether its classes, or the libraries in it, name the newer servlet packages.
uses_jakarta() {
  local war=$1 folder=$1
  if [[ -f $war ]]; then
    folder=$scratch/war
    rm -rf "$folder"
    unzip -qo "$war" 'WEB-INF/*' -d "$folder" 2>/dev/null || true
  fi
  grep -rqs 'jakarta[./]servlet' "$folder/WEB-INF/classes" "$folder/WEB-INF/web.xml" && return
  ! grep -rqs 'javax[./]servlet' "$folder/WEB-INF/classes" "$folder/WEB-INF/web.xml" || return 1
  compgen -G "$folder/WEB-INF/lib/spring-web-[6-9]*.jar" >/dev/null ||
    compgen -G "$folder/WEB-INF/lib/*jakarta*.jar" >/dev/null
}

# choose_ready_app: a jar or war that was pushed as it is.
choose_ready_app() {
  local main
  if [[ -f META-INF/MANIFEST.MF ]]; then
    main=$(tr -d '\r' <META-INF/MANIFEST.MF | sed -nE 's/^Main-Class:[[:space:]]*([^[:space:]]+).*/\1/p')
    if [[ -n $main ]]; then
      web "java -Dserver.port=\$PORT \$JAVA_OPTS -cp . $main" "an unpacked jar"
      return
    fi
  fi
  if [[ -d WEB-INF ]]; then
    start_war "$PWD"
    return
  fi
  for main in *.war; do start_war "$main" && return; done
  for main in *.jar; do
    [[ -z $(main_class "$main") ]] || { start_jar "$main" && return; }
  done
  nothing_to_start "The jar names no Main-Class."
}

nothing_to_start() {
  [[ -f Procfile ]] || fail "Nothing says how to start this app." "$1" \
    "Give the jar a Main-Class (spring-boot-maven-plugin, maven-jar-plugin), or add a Procfile."
}

choose_process() {
  local file programs=() wars=()
  if [[ ! -f pom.xml ]]; then
    choose_ready_app
    return
  fi
  for file in "${BP_MAVEN_BUILT_MODULE:-.}"/target/quarkus-app/quarkus-run.jar \
    ./*/target/quarkus-app/quarkus-run.jar; do
    [[ -f $file ]] || continue
    web "java -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=\$PORT \$JAVA_OPTS -jar ${file#./}" Quarkus
    return
  done
  if [[ -n ${BP_MAVEN_BUILT_ARTIFACT:-} ]]; then
    programs=($BP_MAVEN_BUILT_ARTIFACT)
    [[ -f ${programs[0]} ]] || fail "The build did not make $BP_MAVEN_BUILT_ARTIFACT." \
      "BP_MAVEN_BUILT_ARTIFACT names it." "Correct the config var."
  else
    while IFS= read -r file; do
      [[ -z $(main_class "$file") ]] || programs+=("$file")
    done < <(built_files jar)
    mapfile -t wars < <(built_files war)
  fi
  [[ ! -f Procfile || ${#programs[@]} -le 1 ]] || return 0
  if ((${#programs[@]} > 1)); then
    fail "The build left ${#programs[@]} programs: ${programs[*]}" "Only one can be web." \
      "Choose: berth config:set BP_MAVEN_BUILT_ARTIFACT=${programs[0]}"
  elif ((${#programs[@]} == 1)) && [[ ${programs[0]} != *.war ]]; then
    start_jar "${programs[0]}"
  elif ((${#wars[@]} + ${#programs[@]} > 0)); then
    start_war "${wars[0]:-${programs[0]}}"
  else
    nothing_to_start "The build left no jar with a Main-Class, and no war."
  fi
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a failed Maven build means.

show_maven_errors() {
  if grep -q '^\[ERROR\]' "$1"; then
    grep '^\[ERROR\]' "$1" | grep -vE '^\[ERROR\] *($|Re-run|To see the full|For more information|-> \[Help|After correcting|\[Help [0-9])' |
      awk '!seen[$0]++' | head -40 | indent
  else
    tail -40 "$1" | indent
  fi
}

# explain_maven_failure LOG: Maven's errors, the reason and the fix.
explain_maven_failure() {
  local log=$1 name
  show_maven_errors "$log"
  if grep -qE 'OutOfMemoryError|There is insufficient memory' "$log"; then
    fail "The build ran out of memory." "Maven's Java had not enough; its message is above." \
      "Make the build need less, or raise the limit of builds."
  fi
  if grep -qE 'release version [0-9]+ not supported|invalid (target|source) release: ?[0-9.]+|wrong version|compiled by a more recent version' "$log"
  then
    fail "The app needs a newer Java than $java_line." "Maven's message is above." \
      "Set java.version or maven.compiler.release to $java_line in pom.xml."
  elif grep -qE 'Checksum validation failed' "$log"; then
    name=$(sed -nE 's/.*Could not transfer artifact ([^ ]+) .*Checksum.*/\1/p' "$log" | head -1)
    fail "${name:-An artifact} is not what the repository says it is." \
      "Its checksum differs from the published one." \
      "If a mirror is used, its copy may be broken; otherwise push again."
  elif grep -qE 'COMPILATION ERROR|Compilation failure' "$log"; then
    fail "The code does not compile with Java $java_version." "The compiler's messages are above." \
      "Try mvn package in a clean checkout."
  fi
  explain_pom_failure "$log"
  explain_repository_failure "$log"
  explain_exhaustion "$log"
  fail "Maven could not build the app." "Its message is above." \
    "Try mvn package in a clean checkout with Java $java_line."
}

explain_pom_failure() {
  local log=$1 name
  if grep -qE 'Non-parseable POM|Malformed POM|Unrecognised tag|is missing\.$|The project .* has [0-9]+ error' "$log" &&
    ! grep -qE 'Could not (find|transfer) artifact|Child module' "$log"; then
    fail "pom.xml is not a valid project." "Maven says what is wrong above." "Correct pom.xml."
  elif name=$(sed -nE 's/.*Child module ([^ ]+) of .* does not exist.*/\1/p' "$log" | head -1) &&
    [[ -n $name ]]; then
    fail "The module ${name#"$PWD"/} has no pom.xml." "The parent's pom.xml lists it in <modules>." \
      "Commit the module, or take it out of the list."
  elif grep -qE 'requires Maven version|Detected Maven Version' "$log"; then
    fail "A plugin needs a newer Maven than $maven_version." "Maven names it above." \
      "Commit the wrapper of that version: mvn wrapper:wrapper -Dmaven=3.9.9"
  elif grep -qE 'There are test failures|Failed to execute goal .*surefire' "$log"; then
    fail "Tests failed." "They ran because MAVEN_CUSTOM_OPTS or the pom.xml asks for it." \
      "Mend them, or leave them out: MAVEN_CUSTOM_OPTS=-DskipTests"
  elif grep -qE 'Unknown lifecycle phase|No plugin found for prefix|Could not find the selected project' "$log"; then
    fail "Maven does not know what it is asked to do." "Its message is above." \
      "Correct MAVEN_CUSTOM_GOALS or BP_MAVEN_BUILT_MODULE."
  fi
}

explain_repository_failure() {
  local log=$1 name
  name=$(sed -nE "s/.*Could not find artifact ([^ ]+) .*/\1/p; \
    s/.*Failure to find ([^ ]+) in .*/\1/p" "$log" | head -1)
  if grep -qE 'PKIX path|unable to find valid certification' "$log"; then
    fail "A repository's certificate is not trusted." "Maven names the repository above." \
      "Add its authority to the certificates of the platform's machine."
  elif grep -qE 'status code: 40[137]|status: 40[137]|Not authorized|Forbidden' "$log"; then
    fail "A repository refused what was asked for." "Maven names it above." \
      "Give its credentials in settings.xml, with values such as \${env.NAME} from config vars."
  elif [[ -n $name ]]; then
    fail "$name is not in the repositories." \
      "The name or the version may be misspelt, or the artifact private." \
      "Correct it in pom.xml, or add its repository."
  elif grep -qE 'Unknown host|Connection refused|timed out|Connection reset|No route to host|Could not transfer|Temporary failure' "$log"
  then
    fail "A repository could not be reached." "Maven names it above." \
      "Check the machine's network and proxy settings and push again."
  fi
}

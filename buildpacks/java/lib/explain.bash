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
  show_maven_errors "$1"
  explain "$1" <<TABLE
/release version [0-9]+ not supported|invalid (target|source) release: ?[0-9.]+|wrong version
/compiled by a more recent version
The app needs a newer Java than $java_line.
Maven's message is above.
Set java.version or maven.compiler.release to $java_line in pom.xml.

/Checksum validation failed
?Could not transfer artifact ([^ ]+) .*Checksum
{An artifact} is not what the repository says it is.
Its checksum differs from the published one.
If a mirror is used, its copy may be broken; otherwise push again.

/COMPILATION ERROR|Compilation failure
The code does not compile with Java $java_version.
The compiler's messages are above.
Try mvn package in a clean checkout.
TABLE
  explain_pom_failure "$1"
  explain_repository_failure "$1"
  fail "Maven could not build the app." "Its message is above." \
    "Try mvn package in a clean checkout with Java $java_line."
}

explain_pom_failure() {
  explain "$1" <<TABLE
/Non-parseable POM|Malformed POM|Unrecognised tag|is missing\.$|The project .* has [0-9]+ error
!Could not (find|transfer) artifact|Child module
pom.xml is not a valid project.
Maven says what is wrong above.
Correct pom.xml.

/Child module [^ ]+ of .* does not exist
?Child module $PWD/([^ ]+) of .* does not exist
?Child module ([^ ]+) of .* does not exist
The module {of a name in <modules>} has no pom.xml.
The parent's pom.xml lists it in <modules>.
Commit the module, or take it out of the list.

/requires Maven version|Detected Maven Version
A plugin needs a newer Maven than $maven_version.
Maven names it above.
Commit the wrapper of that version: mvn wrapper:wrapper -Dmaven=3.9.9

/There are test failures|Failed to execute goal .*surefire
Tests failed.
They ran because MAVEN_CUSTOM_OPTS or the pom.xml asks for it.
Mend them, or leave them out: MAVEN_CUSTOM_OPTS=-DskipTests

/Unknown lifecycle phase|No plugin found for prefix|Could not find the selected project
Maven does not know what it is asked to do.
Its message is above.
Correct MAVEN_CUSTOM_GOALS or BP_MAVEN_BUILT_MODULE.
TABLE
}

explain_repository_failure() {
  explain "$1" <<TABLE
/PKIX path|unable to find valid certification
A repository's certificate is not trusted.
Maven names the repository above.
Add its authority to the certificates of the platform's machine.

/status code: 40[137]|status: 40[137]|Not authorized|Forbidden
A repository refused what was asked for.
Maven names it above.
Give its credentials in settings.xml, with values such as \${env.NAME} from config vars.

/Could not find artifact|Failure to find
?Could not find artifact ([^ ]+)
?Failure to find ([^ ]+) in
{An artifact} is not in the repositories.
The name or the version may be misspelt, or the artifact private.
Correct it in pom.xml, or add its repository.

/Unknown host|Connection refused|timed out|Connection reset|No route to host|Could not transfer
/Temporary failure
A repository could not be reached.
Maven names it above.
Check the machine's network and proxy settings and push again.
TABLE
}

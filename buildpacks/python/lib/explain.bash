# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The tool's own output was shown; this adds the reason and the remedy.

# explain_failure LOG: of whichever tool installs.
explain_failure() {
  local log=$1
  explain_exhaustion "$log"
  explain_lockfile "$log"
  explain_hash "$log"
  explain_git "$log"
  explain_missing "$log"
  explain_compilation "$log"
  if says "$log" 'NewConnectionError|Temporary failure in name|ConnectTimeout|ReadTimeout' \
    'dns error|error sending request|All attempts to connect|ConnectError'; then
    fail "The package index could not be reached." "The message of $manager is above." \
      "Check the machine's network and push again."
  fi
  fail "$command failed." "Its message is above." \
    "Try it in a fresh environment of Python $python_version."
}

explain_lockfile() {
  case $manager in
    uv) says "$1" 'lockfile .*needs to be updated' || return 0 ;;
    poetry) says "$1" 'changed significantly since poetry.lock|lock is not up to date' || return 0 ;;
    *) return 0 ;;
  esac
  fail "$manager_file does not match pyproject.toml." \
    "$(title_of "$manager") installs exactly what the lockfile says; pyproject.toml asks for more or else." \
    "Run $manager lock, commit $manager_file, and push again."
}

explain_hash() {
  says "$1" 'DO NOT MATCH THE HASHES' 'hash mismatch' 'HashMismatch' 'hash values? mismatch' \
    'Hash for .* not found in known hashes' || return 0
  fail "A package is not what $manager_file says it is." \
    "Its checksum differs from the one written there; $manager names it above." \
    "If that is expected, write $manager_file anew with the hashes of today."
}

explain_git() {
  says "$1" 'git (clone|fetch|ls-remote)' 'Git operation failed' 'git\+(https|ssh)' \
    'Failed to clone' || return 0
  says "$1" 'fatal:' 'exit (status|code):? *128' 'Could not resolve host' 'Failed to clone' \
    'could not read Username' '\(publickey\)' 'failed to connect' || return 0
  fail "A package comes from a git repository that could not be reached." \
    "git's message is above; it is private, or this machine does not reach its host." \
    "Publish it to a package index, or put its code into the app and require it by its path."
}

# missing_package LOG: the name that pip, uv, Poetry or PDM cannot find.
missing_package() {
  sed -nE -e 's/.*No matching distribution found for ([^ ]+).*/\1/p' \
    -e 's/.*Because ([^ ]+) was not found in the (package registry|provided).*/\1/p' \
    -e 's/.*Package ([^ ]+) \([^)]*\) not found.*/\1/p' \
    -e 's/.*Unable to find installation candidates for ([^ ]+).*/\1/p' \
    -e 's/.*no versions? of ([^ ]+) .*/\1/p' "$1" | head -1
}

explain_missing() {
  local log=$1 name
  name=$(missing_package "$log")
  if [[ -n $name ]] && says "$log" 'Requires-Python' 'requires Python'; then
    fail "No version of $name that fits supports Python $python_version." \
      "$manager lists above what each version requires." \
      "Ask for an older version of $name in $manager_file."
  elif [[ -n $name ]]; then
    fail "There is no package that satisfies $name." \
      "The name is misspelt, that version was never published, or nothing fits $python_version." \
      "Correct it in $manager_file."
  elif says "$log" 'ResolutionImpossible' 'No solution found' 'version solving failed'; then
    fail "The requirements exclude each other, or one cannot be had." "$manager names them above." \
      "Loosen or correct one of them in $manager_file."
  elif says "$log" 'Invalid requirement' 'InvalidRequirement'; then
    fail "$manager_file has a line that is not a requirement." "pip names it above." \
      "Correct the line; it reads like name==1.2.3."
  elif says "$log" 'has no wheels with a matching' 'have a source distribution or wheel'; then
    fail "A package has no file for this platform and Python $python_version." \
      "$manager names it above." "Ask for another version of it in $manager_file."
  fi
}

explain_compilation() {
  local log=$1 name missing
  says "$log" 'fatal error: .*: No such file' 'error: command .*(gcc|g\+\+|cc)' \
    'Failed building wheel' 'Failed to build' 'Backend subprocess exited' \
    'build backend returned an error' 'BuildError' 'build_wheel' || return 0
  name=$(sed -nE -e 's/.*Failed building wheel for ([^ ]+).*/\1/p' \
    -e 's/.*Failed to build `([^`]+)`.*/\1/p' "$log" | head -1)
  missing=$(sed -nE 's/.*fatal error: ([^:]+): No such file.*/\1/p' "$log" | head -1)
  if [[ -n $missing ]]; then
    fail "${name:-A package} did not compile: $missing is missing." \
      "No ready-made wheel fits Python $python_version, and the build image has no such header." \
      "Ask for a version that has a wheel, or add the header's Debian package to Aptfile."
  fi
  fail "${name:-A package} did not compile." \
    "No ready-made wheel fits Python $python_version; the compiler's message is above." \
    "Ask for a newer version in $manager_file, which may have a wheel."
}

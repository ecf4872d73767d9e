# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Why an installation or a script failed: what happened, why, what to do. The manager's own output was shown.

lockfile_out_of_step() {
  fail "$lockfile does not match package.json." \
    "$1 installs exactly what the lockfile says, and package.json asks for something else." \
    "Run $2, commit $lockfile, and push again."
}

no_such_version() {
  fail "No version matches ${1:-a dependency}." \
    "package.json asks for a version that was never published." \
    "Correct the version in package.json and run $manager_name install."
}

wrong_checksum() {
  fail "A package is not what ${lockfile:-the registry} says it is." \
    "Its checksum differs from the one in the lockfile." \
    "If that is expected, remove the entry from $lockfile, run $manager_name install and commit."
}

install_script_failed() {
  local name=${1:-a package}
  explain_native_code "$scratch/install.log"
  fail "The install script of $name failed." "Its output is above." \
    "If it downloads something, that must be reachable from builds; otherwise try another version."
}

explain_native_code() {
  if grep -qE 'gyp ERR!|node-gyp|node-pre-gyp' "$1"; then
    fail "A package with native code did not compile." \
      "The compiler's message is above (node-gyp, Node $node_version)." \
      "Use a version of the package that supports Node $node_version, or set engines.node."
  fi
}

# failed_script LOG: the package whose install script failed, or "package.json" for the app's own.
failed_script() {
  local path
  path=$(sed -nE 's/^npm (error|ERR!) path (.*)/\2/p; s/^error (\/[^:]+): Command failed.*/\1/p;
    s/^(.*node_modules\/[^:]+) (pre|post)?install: Failed$/\1/p' "$1" | head -1)
  case $path in
    '') ;;
    */node_modules/*) printf '%s' "${path##*node_modules/}" ;;
    *) printf 'package.json' ;;
  esac
}

# explain_install_failure LOG: the manager's own explanation first, then what all have in common.
explain_install_failure() {
  local log=$1 name
  explain_exhaustion "$log"
  "${manager}_explain" "$log"
  if grep -qE 'EINTEGRITY|Integrity check failed|integrity checksum failed' "$log"; then
    wrong_checksum
  elif grep -qE 'E404|ERR_PNPM_FETCH_404|404 Not Found|Response Code: 404| - 404$' "$log"; then
    name=$(grep -oE "'[^']+' is not in" "$log" | head -1 | cut -d"'" -f2 || true)
    fail "The package ${name:-asked for} does not exist in the registry." \
      "${lockfile:-package.json} names it; the name may be misspelt, or the package private." \
      "Correct the name, or give the registry's token in .npmrc."
  elif grep -qE 'git (--no-replace-objects )?(ls-remote|clone)|code ENOGIT|codeload\.|git\+ssh|fatal: (unable to access|Could not read from remote)' "$log"
  then
    name=$(grep -oE '(git\+|ssh:|https:)[^ "'\'']*git[^ "'\'']*' "$log" | head -1 || true)
    fail "A dependency from a git repository could not be fetched${name:+: $name}." \
      "The build could not reach the repository, or may not read it." \
      "Use the package's published version, or make the repository reachable from builds."
  fi
  explain_native_code "$log"
  name=$(failed_script "$log")
  if [[ $name == package.json ]]; then
    fail "An install script of package.json failed." "Its output is above." \
      "Try $manager_name install in a clean checkout with Node $node_version."
  elif [[ -n $name ]] && grep -qE 'command failed|Command failed|: Failed' "$log"; then
    install_script_failed "$name"
  elif grep -qE 'ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ConnectionRefused' "$log"; then
    fail "The package registry, or a download of a package, could not be reached." \
      "The message of $manager_name is above." "Check the machine's network and push again."
  fi
  fail "$("${manager}_verb") failed." "The message of $manager_name is above." \
    "Try it in a clean checkout with Node $node_version."
}

# explain_script_failure SCRIPT
explain_script_failure() {
  explain_exhaustion "$scratch/script.log"
  if grep -qE 'command not found|: not found$' "$scratch/script.log"; then
    fail "The script $1 uses a program that is not installed." "The shell names it above." \
      "Add the package that has it to devDependencies and commit the lockfile."
  elif grep -qE '(fonts\.g(oogleapis|static)\.com|Google Fonts)' "$scratch/script.log"; then
    fail "The script $1 could not fetch a font." \
      "next/font/google downloads fonts during the build, and their host was not reached." \
      "Put the font files into the repository and use next/font/local."
  elif grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|Failed to fetch|fetch failed' "$scratch/script.log"
  then
    fail "The script $1 failed; it could not reach something on the network." \
      "Its output above says what." "Make what it needs part of the app, or reachable from builds."
  fi
  fail "The script $1 failed." "Its output is above." \
    "Try NODE_ENV=production $manager_name run $1 in a clean checkout."
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Why an installation or a script failed: what happened, why, what to do. The manager's own output was shown.

from_git='git (--no-replace-objects )?(ls-remote|clone)|code ENOGIT|codeload\.|git\+ssh'
from_git+='|fatal: (unable to access|Could not read from remote)|Failed listing refs'
from_git+='|InstallFailed cloning repository'
readonly from_git

# What programs say when a host does not answer or has no address.
unreachable='ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ConnectionRefused|fetch failed'
unreachable+='|Could not resolve host|Temporary failure in name resolution|FailedToOpenSocket'
readonly unreachable

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
  if grep -qE "$unreachable" "$scratch/install.log"; then
    fail "The install script of $name could not download what it needs." \
      "Its output is above; it asks another host than the package registry." \
      "Use a version that has everything in its package, or tell it by its settings not to download."
  fi
  fail "The install script of $name failed." "Its output is above." \
    "Correct what it asks for, or try another version of it."
}

# explain_native_code LOG: which package, and the library that it lacks if it says so.
explain_native_code() {
  local name library
  grep -qE 'gyp ERR!|node-gyp.*(rror|exit)|node-pre-gyp' "$1" || return 0
  name=$(grep -oE 'gyp ERR! cwd .*node_modules/[^ ]+' "$1" | head -1 | sed 's|.*node_modules/||' || true)
  library=$(sed -nE "s/.*No package '([^']+)' found.*/\1/p; s/.*Package ([^ ]+) was not found.*/\1/p
    s/.*fatal error: ([^ ]+): No such file or directory.*/\1/p" "$1" | head -1 || true)
  if [[ -n $library ]]; then
    fail "A package with native code did not compile${name:+: $name}." \
      "It needs $library, which is not in the build image." \
      "Use a version of the package that brings its own binaries, or another package."
  fi
  fail "A package with native code did not compile${name:+: $name}." \
    "The compiler's message is above (node-gyp, Node $node_version)." \
    "Use a version of the package that supports Node $node_version, or set engines.node."
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

# missing_package LOG: the name that the registry does not know, in the words of each manager.
missing_package() {
  sed -nE "s/.*'([^']+)' is not in.*/\1/p; s/.*Couldn't find package \"([^\"]+)\".*/\1/p
    s/.*YN0035: │ ([^ ]+)@npm:[^ ]+ Package not found.*/\1/p; s/^([^ ]+) is not in the npm registry.*/\1/p
    s/.*GET [a-z]+:\/\/[^\/]+\/([^ ]+) - 404.*/\1/p" "$1" | head -1 || true
}

# explain_install_failure LOG: the manager's own explanation first, then what all have in common.
explain_install_failure() {
  local log=$1 name
  explain_exhaustion "$log"
  "${manager}_explain" "$log"
  if grep -qE 'EINTEGRITY|Integrity check failed|integrity checksum failed' "$log"; then
    wrong_checksum
  elif grep -qE "E404|ERR_PNPM_FETCH_404|404 Not Found|Response Code: 404| - 404\$|Couldn't find package" "$log"
  then
    name=$(missing_package "$log")
    fail "The package ${name:-asked for} does not exist in the registry." \
      "${lockfile:-package.json} names it; the name may be misspelt, or the package private." \
      "Correct the name, or give the registry's token in .npmrc."
  elif grep -qE "$from_git" "$log"; then
    name=$(grep -oE '(git\+|ssh:|https:)[^ "'\'']*git[^ "'\'']*' "$log" | head -1 |
      sed 's/[:.]$//' || true)
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
  elif grep -qE "$unreachable" "$log"; then
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

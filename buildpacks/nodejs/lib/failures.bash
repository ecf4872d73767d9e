# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Why an installation or a script failed: what happened, why, what to do. The manager's own output was shown.

# What programs say when a host does not answer or has no address.
unreachable='ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ConnectionRefused|fetch failed'
unreachable+='|Could not resolve host|Temporary failure in name resolution|FailedToOpenSocket'
readonly unreachable

# What the tables of the managers have in common.
lockfile_out_of_step() {
  printf '%s\n' "$lockfile does not match package.json." \
    "$1 installs exactly what the lockfile says, and package.json asks for something else." \
    "Run $2, commit $lockfile, and push again."
}

no_such_version() {
  printf '%s\n' 'No version matches {a dependency}.' \
    'package.json asks for a version that was never published.' \
    "Correct the version in package.json and run $manager_name install."
}

wrong_checksum() {
  printf '%s\n' "A package is not what ${lockfile:-the registry} says it is." \
    'Its checksum differs from the one in the lockfile.' \
    "If that is expected, remove the entry from $lockfile, run $manager_name install and commit."
}

# explain_native_code LOG: which package, and the library that it lacks if it says so.
explain_native_code() {
  local compiler='gyp ERR!|node-gyp.*(rror|exit)|node-pre-gyp'
  explain "$1" <<TABLE
/No package '[^']+' found|Package [^ ]+ was not found|fatal error: [^ ]+: No such file or directory
&$compiler
?gyp ERR! cwd .*node_modules/([^ ]+)
A package with native code did not compile{: *}.
It needs $(named "$1" "No package '([^']+)' found" 'Package ([^ ]+) was not found' \
    'fatal error: ([^ ]+): No such file or directory'), which is not in the build image.
Add its Debian package to a file Aptfile, or use a version that brings its own binaries.

/$compiler
?gyp ERR! cwd .*node_modules/([^ ]+)
A package with native code did not compile{: *}.
The compiler's message is above (node-gyp, Node $node_version).
Use a version of the package that supports Node $node_version, or set engines.node.
TABLE
}

# explain_install_script LOG PATTERN…: the script of a dependency, which a PATTERN names.
explain_install_script() {
  local log=$1 name
  shift
  name=$(named "$log" "$@")
  [[ -n $name ]] || return 0
  explain_native_code "$log"
  explain "$log" <<TABLE
/$unreachable
The install script of $name could not download what it needs.
Its output is above; it asks another host than the package registry.
Use a version that has everything in its package, or tell it by its settings not to download.

The install script of $name failed.
Its output is above.
Correct what it asks for, or try another version of it.
TABLE
}

# explain_install_failure LOG: the manager's own explanation first, then what all have in common.
explain_install_failure() {
  "${manager}_explain" "$1"
  explain "$1" <<TABLE
/EINTEGRITY|Integrity check failed|integrity checksum failed
$(wrong_checksum)

/E404|ERR_PNPM_FETCH_404|404 Not Found|Response Code: 404| - 404$|YN0035|Couldn't find package
?'([^']+)' is not in
?Couldn't find package "([^"]+)"
?YN0035: │ ([^ ]+)@npm:[^ ]+ Package not found
?^([^ ]+) is not in the npm registry
?GET [a-z]+://[^/]+/([^ ]+) - 404
The package {asked for} does not exist in the registry.
${lockfile:-package.json} names it; the name may be misspelt, or the package private.
Correct the name, or give the registry's token in .npmrc.

/E401|E403|ERR_PNPM_FETCH_40[13]|40[13] (Unauthorized|Forbidden)|Response Code: 40[13]|YN0041| - 40[13]$
The package registry wants to know who asks.
$manager_name's message is above; the token is missing, wrong, or not allowed to read.
Name the token in .npmrc by a config var, \${NPM_TOKEN}, and set it: berth config:set NPM_TOKEN=…

/git (--no-replace-objects )?(ls-remote|clone)|code ENOGIT|codeload\.|git\+ssh|Failed listing refs
/fatal: (unable to access|Could not read from remote)|InstallFailed cloning repository
?(git\+[^ "']*git[^ "']*[^ "':.])
?(ssh:[^ "']*git[^ "']*[^ "':.])
?(https:[^ "']*git[^ "']*[^ "':.])
A dependency from a git repository could not be fetched{: *}.
The build could not reach the repository, or may not read it.
Use the package's published version, or make the repository reachable from builds.
TABLE
  explain_native_code "$1"
  explain_install_script "$1" '^npm error path .*node_modules/([^ ]+)$' \
    '^npm ERR! path .*node_modules/([^ ]+)$' "^npm error path $app/([^ ]+)$" \
    '^error /[^:]*node_modules/([^:]+): Command failed' \
    '^.*node_modules/([^: ]+) [a-z]*install: Failed$'
  explain "$1" <<TABLE
/^npm (error|ERR!) path /|^error /[^:]+: Command failed|ELIFECYCLE
/postinstall: Failed$|preinstall: Failed$
An install script of package.json failed.
Its output is above.
Try $manager_name install in a clean checkout with Node $node_version.

/$unreachable
The package registry, or a download of a package, could not be reached.
The message of $manager_name is above.
Check the machine's network and push again.

$("${manager}_verb") failed.
The message of $manager_name is above.
Try it in a clean checkout with Node $node_version.
TABLE
}

# explain_script_failure SCRIPT
explain_script_failure() {
  explain "$scratch/script.log" <<TABLE
/command not found|: not found$
?([^ :]+): command not found
?([^ :]+): not found$
The script $1 uses a program that is not installed{: *}.
The shell names it above.
Add the package that has it to devDependencies and commit the lockfile.

/fonts\.g(oogleapis|static)\.com|Google Fonts
The script $1 could not fetch a font.
next/font/google downloads fonts during the build, and their host was not reached.
Put the font files into the repository and use next/font/local.

/$unreachable|Failed to fetch
The script $1 failed; it could not reach something on the network.
Its output above says what.
Make what it needs part of the app, or reachable from builds.

The script $1 failed.
Its output is above.
Try NODE_ENV=production $manager_name run $1 in a clean checkout.
TABLE
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The tool's own output was shown; this adds the reason and the remedy.

# explain_failure LOG: of whichever tool installs.
explain_failure() {
  explain_lockfile "$1"
  explain "$1" <<TABLE
/DO NOT MATCH THE HASHES|hash mismatch|HashMismatch|hash values? mismatch
/Hash for .* not found in known hashes
A package is not what $manager_file says it is.
Its checksum differs from the one written there; $manager names it above.
If that is expected, write $manager_file anew with the hashes of today.

/No candidate is found for .* that matches the environment or hashes
?No candidate is found for \`([^\`]+)\`
{A package} is not what $manager_file says it is.
No file of it that fits Python $python_version has one of the checksums written there.
If that is expected, write $manager_file anew: $manager lock

/git (clone|fetch|ls-remote)|Git operation failed|git\+(https|ssh)|Failed to clone
&fatal:|status:? 128|code:? 128|could not |failed to (clone|connect)|\(publickey\)
A package comes from a git repository that could not be reached.
git's message is above; it is private, or this machine does not reach its host.
Publish it to a package index, or put its code into the app and require it by its path.

/Hashes are required in --require-hashes mode|must have their versions pinned with ==
?^ +([A-Za-z0-9._-]+==[^ ]+) --hash
$manager_file has hashes for some packages and none for {others}.
pip installs with all of them or without any.
Write it anew: pip-compile --generate-hashes, or uv pip compile --generate-hashes
TABLE
  explain_missing "$1"
  explain_compilation "$1"
  explain "$1" <<TABLE
/NewConnectionError|Temporary failure in name|ConnectTimeout|ReadTimeout
/dns error|error sending request|All attempts to connect|ConnectError
The package index could not be reached.
The message of $manager is above.
Check the machine's network and push again.

$command failed.
Its message is above.
Try it in a fresh environment of Python $python_version.
TABLE
}

explain_lockfile() {
  explain "$1" <<TABLE
/lockfile .*needs to be updated|changed significantly since poetry.lock|lock is not up to date
$manager_file does not match pyproject.toml.
$(title_of "$manager") installs exactly what the lockfile says; pyproject.toml asks for more or else.
Run $manager lock, commit $manager_file, and push again.
TABLE
}

explain_missing() {
  local names='?No matching distribution found for ([^ ]+)
?Because ([^ ]+) was not found in the package registry
?Because ([^ ]+) was not found in the provided
?Package ([^ ]+) \([^)]*\) not found
?Unable to find installation candidates for ([^ ]+)
?no versions? of ([^ ]+)'
  explain "$1" <<TABLE
$names
&Requires-Python|requires Python
&No matching distribution|was not found in|\) not found|installation candidates|no versions? of
No version of {a package} that fits supports Python $python_version.
$manager lists above what each version requires.
Ask for an older version of {it} in $manager_file.

$names
/No matching distribution found|was not found in the (package registry|provided)
/Package [^ ]+ \([^)]*\) not found|Unable to find installation candidates|no versions? of [^ ]+
There is no package that satisfies {what is asked for}.
The name is misspelt, that version was never published, or nothing fits $python_version.
Correct it in $manager_file.

/ResolutionImpossible|No solution found|version solving failed
The requirements exclude each other, or one cannot be had.
$manager names them above.
Loosen or correct one of them in $manager_file.

/Invalid requirement|InvalidRequirement
$manager_file has a line that is not a requirement.
pip names it above.
Correct the line; it reads like name==1.2.3.

/has no wheels with a matching|have a source distribution or wheel
A package has no file for this platform and Python $python_version.
$manager names it above.
Ask for another version of it in $manager_file.
TABLE
}

explain_compilation() {
  explain "$1" <<TABLE
/fatal error: .*: No such file
?Failed building wheel for ([^ ]+)
?Failed to build \`([^\`]+)\`
{A package} did not compile: $(named "$1" 'fatal error: ([^:]+): No such file') is missing.
No ready-made wheel fits Python $python_version, and the build image has no such header.
Ask for a version that has a wheel, or add the header's Debian package to Aptfile.

/error: command .*(gcc|g\+\+|cc)|Failed building wheel|Failed to build|Backend subprocess exited
/build backend returned an error|BuildError|build_wheel
?Failed building wheel for ([^ ]+)
?Failed to build \`([^\`]+)\`
{A package} did not compile.
No ready-made wheel fits Python $python_version; the compiler's message is above.
Ask for a newer version in $manager_file, which may have a wheel.
TABLE
}

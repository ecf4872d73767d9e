# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Go's own output was shown; this adds the reason and the remedy.

explain_go_failure() {
  explain "$1" <<TABLE
/checksum mismatch
A module is not what go.sum says it is.
Go names it above (checksum mismatch).
If that is expected, remove its lines from go.sum, run go mod tidy and commit.

/inconsistent vendoring
vendor/ does not match go.mod.
Go names the difference above.
Run go mod vendor and commit vendor/.

/missing go.sum entry|updates to go.(mod|work) needed
go.mod and go.sum do not match what the code imports.
Go names the difference above.
Run go mod tidy and commit go.mod and go.sum.

/unknown directive|errors parsing go\.(mod|work)|malformed module path
go.mod cannot be read.
Go names the line above.
Correct it; go mod tidy checks it.

/terminal prompts disabled|could not read Username|\(publickey\)
/Could not resolve host|fatal: unable to access
A module comes from a git repository that could not be reached.
git's message is above; it is private, or this machine does not reach its host.
Commit the modules with the app: go mod vendor && git add vendor

/unrecognized import path|40[04] |410 Gone|unknown revision|invalid version
?^go: ([^ ]+@[^ :]+):
? ([^ ]+@[^ :]+): reading
?module ([^ ]+):
There is no module {of that name and version}.
The name may be misspelt, the version was never published, or it is private.
Correct it in go.mod; of a private one commit the code: go mod vendor && git add vendor

/no required module provides package|is not in (std|GOROOT)
The code imports a package that go.mod does not list.
Go names it above.
Run go mod tidy and commit go.mod and go.sum.

/fatal error: .*: No such file
?fatal error: ([^:]+): No such file
A package's C code did not compile: {a header} is missing.
The build image has no such header.
Add its Debian package to Aptfile, or use another package.
TABLE
  [[ ${CGO_ENABLED:-0} != 0 ]] || explain "$1" <<TABLE
/cgo|C compiler|constraints exclude all Go files
A package needs C code, and cgo is off (CGO_ENABLED).
Go's message is above.
Turn it on: berth config:unset CGO_ENABLED
TABLE
  explain "$1" <<TABLE
/cgo|C compiler|gcc|undefined reference
A package's C code does not compile.
The compiler's message is above.
Try CGO_ENABLED=1 go build ./... in a clean checkout.

/dial tcp|i/o timeout|no such host|TLS handshake
The module proxy could not be reached.
Go's message is above.
Check the machine's network and push again.

The code does not build with $version.
Go's message is above.
Try go build -tags heroku ./... in a clean checkout.
TABLE
}

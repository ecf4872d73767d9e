# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Go's own output was shown; this adds the reason and the remedy.

explain_go_failure() {
  local log=$1 line
  explain_exhaustion "$log"
  line=$(grep -m1 -E 'missing go.sum entry|updates to go.mod needed|checksum mismatch'\
'|inconsistent vendoring' "$log" || true)
  if [[ $line == *"checksum mismatch"* ]]; then
    fail "A module is not what go.sum says it is." "Go names it above (checksum mismatch)." \
      "If that is expected, remove its lines from go.sum, run go mod tidy and commit."
  elif [[ $line == *vendoring* ]]; then
    fail "vendor/ does not match go.mod." "Go names the difference above." \
      "Run go mod vendor and commit vendor/."
  elif [[ -n $line ]]; then
    fail "go.mod and go.sum do not match what the code imports." "Go names the difference above." \
      "Run go mod tidy and commit go.mod and go.sum."
  elif grep -qE 'unknown directive|errors parsing go\.(mod|work)|malformed module path' "$log"; then
    fail "go.mod cannot be read." "Go names the line above." "Correct it; go mod tidy checks it."
  elif says "$log" 'terminal prompts disabled' 'could not read Username' '\(publickey\)' \
    'Could not resolve host' 'fatal: unable to access'; then
    fail "A module comes from a git repository that could not be reached." \
      "git's message is above; it is private, or this machine does not reach its host." \
      "Commit the modules with the app: go mod vendor && git add vendor"
  elif grep -qE 'unrecognized import path|40[04] |410 Gone|unknown revision|invalid version' "$log"; then
    line=$(sed -nE -e 's/^go: ([^ ]+@[^ :]+):.*/\1/p' -e 's/.* ([^ ]+@[^ :]+): reading .*/\1/p' \
      -e 's/.*module ([^ ]+): .*/\1/p' "$log" | head -1)
    fail "There is no module ${line:-of that name and version}." \
      "The name may be misspelt, the version was never published, or it is private." \
      "Correct it in go.mod; of a private one commit the code: go mod vendor && git add vendor"
  elif grep -qE 'no required module provides package' "$log"; then
    fail "The code imports a package that go.mod does not list." "Go names it above." \
      "Run go mod tidy and commit go.mod and go.sum."
  elif grep -qE 'fatal error: .*: No such file' "$log"; then
    line=$(sed -nE 's/.*fatal error: ([^:]+): No such file.*/\1/p' "$log" | head -1)
    fail "A package's C code did not compile: $line is missing." \
      "The build image has no such header." "Add its Debian package to Aptfile, or use another package."
  elif [[ ${CGO_ENABLED:-0} == 0 ]] && says "$log" 'cgo|C compiler' 'constraints exclude all Go files'
  then
    fail "A package needs C code, and cgo is off (CGO_ENABLED)." "Go's message is above." \
      "Turn it on: berth config:unset CGO_ENABLED"
  elif grep -qE 'cgo|C compiler|gcc|undefined reference' "$log"; then
    fail "A package's C code does not compile." "The compiler's message is above." \
      "Try CGO_ENABLED=1 go build ./... in a clean checkout."
  elif grep -qE 'dial tcp|i/o timeout|no such host|TLS handshake' "$log"; then
    fail "The module proxy could not be reached." "Go's message is above." \
      "Check the machine's network and push again."
  fi
  fail "The code does not build with $version." "Go's message is above." \
    "Try go build -tags heroku ./... in a clean checkout."
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which Python the app wants, and whether the stack has it. The stack has one version, Debian's.

# wanted_python: sets request and request_source; empty if the app does not say.
wanted_python() {
  request='' request_source=''
  if [[ -f .python-version ]]; then
    request=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' .python-version | grep -m1 . || true)
    request_source=.python-version
  fi
  if [[ -z $request && -f runtime.txt ]]; then
    request=$(tr -d '[:space:]' <runtime.txt)
    request_source=runtime.txt
  fi
  if [[ -z $request && -f Pipfile ]]; then
    request=$(python3 -c 'import tomllib
p = tomllib.load(open("Pipfile", "rb")).get("requires", {})
print(p.get("python_full_version", p.get("python_version", "")))' 2>/dev/null || true)
    request_source=Pipfile
  fi
  request=${request#python-}
  request=${request#[pP]ython}
}

choose_version() {
  local minor
  python_version=$(python3 -c 'import platform; print(platform.python_version())')
  minor=${python_version%.*}
  wanted_python
  if [[ -z $request ]]; then
    heading "Using Python $python_version (the stack's)"
  elif [[ $request == "$minor" || $request == "$minor.*" || $request == 3 || $request == "$python_version" ]]
  then
    heading "Using Python $python_version ($request_source)"
  elif [[ $request == "$minor".* ]]; then
    heading "Using Python $python_version ($request_source)"
    warning "$request_source asks for $request; the stack has $python_version of the same line."
  elif [[ ${BP_PYTHON_RELAX:-} == true ]]; then
    heading "Using Python $python_version (BP_PYTHON_RELAX)"
    warning "$request_source asks for $request, which is not available."
  else
    fail "Python $request is not available (asked for by $request_source)." \
      "The stack has Python $python_version and no other." \
      "Put $minor into .python-version, or try this app on it: berth config:set BP_PYTHON_RELAX=true"
  fi
}

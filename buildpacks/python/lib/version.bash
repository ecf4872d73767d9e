# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Whether the stack's Python, Debian's, is one that the app can run on. What was written for an older
# 3.x runs on it almost always; what asks for a newer one would find things missing.

# readers: the files whose requires-python the installer obeys.
readers() {
  case $manager in
    uv) printf 'pyproject.toml uv.lock' ;;
    poetry) printf 'pyproject.toml' ;;
    pdm) printf 'pyproject.toml pdm.lock' ;;
    pipenv) printf 'Pipfile.lock' ;;
    pip) [[ $manager_file != pyproject.toml ]] || printf 'pyproject.toml' ;;
  esac
}

choose_version() {
  local minor=${python_version%.*} files request source
  read -ra files <<<"$(readers)"
  read_facts ${files[@]+"${files[@]}"}
  request=${fact[python.request]} source=${fact[python.source]}
  case ${fact[python.verdict]} in
    none) heading "Using Python $python_version (the stack's)" ;;
    exact) heading "Using Python $python_version ($source)" ;;
    line)
      heading "Using Python $python_version ($source)"
      warning "$source asks for $request; the stack has $python_version of the same line."
      ;;
    older)
      heading "Using Python $python_version"
      warning "$source asks for $request; the stack has Python $python_version and no other." \
        "Put $minor into .python-version when the app is known to run on it."
      ;;
    *) refuse_version "$request" "$source" ;;
  esac
  [[ -z ${fact[python.excluded]:-} ]] || refuse_excluded
}

refuse_version() {
  local request=$1 source=$2 minor=${python_version%.*}
  if [[ ${BP_PYTHON_RELAX:-} == true ]]; then
    heading "Using Python $python_version (BP_PYTHON_RELAX)"
    warning "$source asks for $request, which is not available."
    return
  fi
  fail "Python $request is not available (asked for by $source)." \
    "What can be had: Python $python_version, the stack's; no other." \
    "Put $minor into .python-version, or try this app on it: berth config:set BP_PYTHON_RELAX=true"
}

refuse_excluded() {
  [[ ${BP_PYTHON_RELAX:-} != true || $manager != pip ]] || return 0
  fail "This app does not run on Python $python_version: ${fact[python.excluded-by]} says" \
    "requires-python ${fact[python.excluded]}." \
    "What can be had: Python $python_version, the stack's; no other." \
    "Widen it in pyproject.toml to include ${python_version%.*}$(
      [[ $manager == pip ]] && printf ', or try the app: berth config:set BP_PYTHON_RELAX=true' ||
        printf ' and lock anew (%s lock).' "$manager")"
}

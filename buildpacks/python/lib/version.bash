# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Whether the stack's Python, Debian's, is one that the app can run on. What was written for an older
# 3.x runs on it almost always; what asks for a newer one would find things missing. Others there are where
# uv gets them from, if that may be asked (upstream.bash).

readonly stack_python=/usr/bin/python3
python=$stack_python # that the app runs on

version_of() { "$1" -c 'import platform; print(platform.python_version())'; }

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
  local minor files request source where="the stack's"
  read -ra files <<<"$(readers)"
  read_facts ${files[@]+"${files[@]}"}
  if [[ ${fact[python.verdict]} =~ ^(unavailable|older)$ || -n ${fact[python.excluded]} ]] &&
    asks_upstream UV_PYTHON_INSTALL_MIRROR && bring_python; then
    read_facts ${files[@]+"${files[@]}"}
  fi
  [[ $python == "$stack_python" ]] || where='as the app requires'
  minor=${python_version%.*}
  request=${fact[python.request]} source=${fact[python.source]}
  case ${fact[python.verdict]} in
    none) heading "Using Python $python_version ($where)" ;;
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
  [[ -z ${fact[python.excluded]} ]] || refuse_excluded
}

# bring_python: makes the Python that is asked for the app's, in a layer; uv fetches and checks it. Sets
# python and python_version.
bring_python() {
  local wanted=${fact[python.excluded]} version tool tool_version
  [[ -n $wanted ]] || wanted=$(grep -oE '[0-9]+(\.[0-9]+)*' <<<"${fact[python.request]}" | head -1)
  version=$(kept_version python "$wanted")
  if [[ -z $version ]]; then
    install_tool uv
    version=$("$tool" python list --only-downloads --output-format json "$wanted" 2>"$scratch/upstream.log" |
      jq -r '[.[] | select(.implementation == "cpython" and .variant == "default")][0].version // ""')
    [[ $version =~ ^[0-9.]+$ ]] || { printf 'there is no %s\n' "$wanted" >"$scratch/upstream.log" && return 1; }
    [[ -d $CNB_LAYERS_DIR/python-$version/bin ]] || make_python "$version" || return
  fi
  layer "python-$version" lbc runtime true request "$wanted"
  python=$CNB_LAYERS_DIR/python-$version/bin/python3 python_version=$version
  export PATH=${python%/*}:$PATH
}

# make_python VERSION: its layer. Needs tool, which is uv.
make_python() {
  local home=$CNB_LAYERS_DIR/python-$1 folder
  heading "Fetching Python $1 from where the Python project's builds are published"
  fresh_layer_directory "python-$1"
  UV_NO_PROGRESS=1 "$tool" python install --no-bin --install-dir "$home" "$1" \
    >"$scratch/upstream.log" 2>&1 </dev/null || { rm -rf "$home" && return 1; }
  folder=$(cd "$home" && compgen -G "cpython-$1-*/bin" | head -1) ||
    { printf 'uv left no cpython-%s\n' "$1" >"$scratch/upstream.log" && rm -rf "$home" && return 1; }
  ln -s "$folder" "$home/bin"
  rm -rf "$home"/.[a-z]*
}

refuse_version() {
  local request=$1 source=$2 minor=${python_version%.*}
  if [[ ${BP_PYTHON_RELAX:-} == true ]]; then
    heading "Using Python $python_version (BP_PYTHON_RELAX)"
    warning "$source asks for $request, which is not available."
    return
  fi
  fail "Python $request is not available (asked for by $source)." \
    "What can be had: Python $python_version, the stack's; $(other_versions Python)" \
    "Put $minor into .python-version, or try this app on it: berth config:set BP_PYTHON_RELAX=true"
}

refuse_excluded() {
  [[ ${BP_PYTHON_RELAX:-} != true || $manager != pip ]] || return 0
  fail "This app does not run on Python $python_version: ${fact[python.excluded-by]} says" \
    "requires-python ${fact[python.excluded]}." \
    "What can be had: Python $python_version, the stack's; $(other_versions Python)" \
    "Widen it in pyproject.toml to include ${python_version%.*}$(
      [[ $manager == pip ]] && printf ', or try the app: berth config:set BP_PYTHON_RELAX=true' ||
        printf ' and lock anew (%s lock).' "$manager")"
}

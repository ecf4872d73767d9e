# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installs packages into a virtual environment that is a layer, with the tool that manages them. The
# layer is left alone while what decides it is the same, and made afresh when it is not, so that
# nothing stays that is no longer asked for; the tool's own cache makes that quick.

# What the build backends say of an app that has no package to make.
readonly no_package='Multiple top-level (packages|modules)|Unable to determine which files to ship'\
'|No file/folder found|Expected a Python module at|not a package|Readme (path|file) .*does not exist'

export REQUESTS_CA_BUNDLE=${REQUESTS_CA_BUNDLE:-$certificates}
export GIT_TERMINAL_PROMPT=0
export GIT_SSH_COMMAND='ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new'

# manifests_here PATTERN…: such files of the app in any folder, sorted; none of an environment's.
manifests_here() {
  local names=(-name "$1")
  shift
  while (($# > 0)); do names+=(-o -name "$1") && shift; done
  find . \( -name node_modules -o -name .venv -o -name venv -o -name .git \) -prune -o \
    -type f \( "${names[@]}" \) -print0 | sort -z
}

# holds_local_code: whether code of the app itself becomes part of the environment.
holds_local_code() {
  case $manager in
    uv) grep -qE 'source = \{ (editable|directory|path) = ' uv.lock 2>/dev/null ;;
    poetry) [[ -n ${fact[package]} ]] || grep -qE 'path *= *"' pyproject.toml ;;
    pdm) [[ -n ${fact[builds]} ]] || grep -qE 'file://' pyproject.toml pdm.lock ;;
    pipenv) grep -qsE '"(path|file)": *"' Pipfile.lock || grep -qE 'path *= *"' Pipfile ;;
    pip)
      if [[ $manager_file == requirements.txt ]]; then
        grep -qhE '^[[:space:]]*(-e|--editable|\.|file:)|@ *file:' ./*.txt requirements/*.txt
      else
        [[ $manager_file == setup.py || -n ${fact[builds]} ]]
      fi
      ;;
    *) return 1 ;;
  esac
}

# decided_by_manifests: an editable install is then no more than a path, whatever the code is.
decided_by_manifests() {
  local file
  [[ -n ${fact[pure]} && $manager_file != requirements.txt && ! -f setup.py ]] || return 1
  while IFS= read -r -d '' file; do
    [[ $file == ./pyproject.toml ]] ||
      grep -qE 'build-backend *= *"(hatchling|uv_build|flit_core|poetry\.core|pdm\.backend)' "$file" ||
      return 1
  done < <(manifests_here pyproject.toml)
}

# install_key: everything that decides what is installed, and how.
install_key() {
  {
    printf '%s\n' "$manager" "${tool_version:-}" "$python_version" "${CNB_TARGET_DISTRO_VERSION:-}"
    cat "$lib/install.bash"
    if holds_local_code && ! decided_by_manifests; then
      find . \( -name node_modules -o -name .git \) -prune -o -type f -print0 | sort -z |
        xargs -0 sha256sum
    else
      manifests_here '*requirements*.txt' pyproject.toml uv.lock poetry.lock pdm.lock Pipfile \
        Pipfile.lock setup.py setup.cfg poetry.toml uv.toml | xargs -0r sha256sum
      [[ $manager_file != requirements.txt ]] || cat ./*.txt requirements/*.txt
    fi
  } | digest_of -
}

# make_venv [bare]: as `python3 -m venv` makes it, with setuptools for pip's packages (old ones import
# pkg_resources while they run), bare for tools that remove what their lockfile does not name.
make_venv() {
  fresh_layer_directory venv
  "$python" -m venv --without-pip "$venv"
  [[ ${1:-} == bare ]] ||
    unzip -q /usr/share/python-wheels/setuptools-*.whl -d "$venv"/lib/python3*/site-packages
}

# Compiled files that are valid whatever time stamp their source has: layers have one for all files.
compile_packages() {
  "$venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash \
    "$venv/lib" >/dev/null 2>&1 || true # a package may ship files for other versions of Python
}

# link_environment: uv, Poetry and PDM expect an app's environment under the name .venv.
link_environment() {
  case $manager in uv | poetry | pdm) ;; *) return 0 ;; esac
  rm -rf .venv
  ln -s "$venv" .venv
  layer_env venv env.launch/PATH.prepend "$PWD/.venv/bin"
  layer_env venv env.launch/PATH.delim :
}

declare_venv() {
  layer venv lbc key "$1" packages "$2"
  layer_env venv env/VIRTUAL_ENV.override "$venv"
  layer_env venv env/PYTHONUNBUFFERED.default 1
  layer_env venv env.launch/PYTHONFAULTHANDLER.default 1
  layer_env venv env.launch/FORWARDED_ALLOW_IPS.default '*'
  layer_env venv env.launch/GUNICORN_CMD_ARGS.default '--access-logfile -'
  link_environment
}

count_packages() {
  local folders=("$venv"/lib/python3*/site-packages/*.dist-info)
  printf '%s' $((${#folders[@]} - $1))
}

install_packages() {
  local key count=0 bundled=0
  case $manager in
    none) detail "No requirements.txt: nothing to install." ;;
    pip) layer pip-cache c ;;
    *)
      layer pip-cache c
      layer "$manager-cache" c
      install_tool "$manager"
      ;;
  esac
  key=$(install_key)
  if [[ $(restored venv key) == "$key" ]]; then
    count=$(restored venv packages)
    ((count == 0)) ||
      heading "$(title_of "$manager") packages unchanged  ·  $(amount "$count" package)" \
        "from the cache"
    declare_venv "$key" "$count"
    return
  fi
  case $manager in none | pip) make_venv && bundled=1 ;; *) make_venv bare ;; esac
  if [[ $manager != none ]]; then
    "install_with_$manager"
    count=$(count_packages "$bundled")
    heading "$command ($manager_file)  ·  $(amount "$count" package)"
    compile_packages
  fi
  declare_venv "$key" "$count"
}

# run_installer COMMAND…: its output is shown if it fails, with the reason and the remedy.
run_installer() {
  quietly "$scratch/install.log" "$@" || explain_failure "$scratch/install.log"
}

warn_of_no_lockfile() {
  warning "There is no $1, so two builds may install different versions." "$2"
}

pip_install() {
  "${pip[@]}" --python "$venv/bin/python" install --no-compile --use-pep517 --progress-bar off \
    ${BP_PYTHON_RELAX:+--ignore-requires-python} "$@"
}

# install_requirements FILE: old packages build with pkg_resources, which new setuptools lacks.
install_requirements() {
  if ! pip_install --requirement "$1" >"$scratch/install.log" 2>&1 </dev/null; then
    if ! grep -q "No module named 'pkg_resources'" "$scratch/install.log"; then
      indent <"$scratch/install.log"
      explain_failure "$scratch/install.log"
    fi
    detail "A package builds with pkg_resources: once more with an older setuptools."
    printf 'setuptools<81\n' >"$scratch/constraint.txt"
    run_installer env "PIP_CONSTRAINT=$scratch/constraint.txt" "${pip[@]}" \
      --python "$venv/bin/python" install --no-compile --use-pep517 --progress-bar off \
      --requirement "$1"
  fi
}

install_with_pip() {
  command='pip install'
  if [[ $manager_file == requirements.txt ]]; then
    install_requirements requirements.txt
  elif [[ $manager_file == setup.py || -n ${fact[builds]} ]]; then
    pip_install --editable . >"$scratch/install.log" 2>&1 </dev/null || install_dependencies_only
  else
    write_dependencies
    install_requirements "$scratch/requirements.txt"
  fi
}

write_dependencies() { jq -r '.[]' <<<"${fact[dependencies]:-[]}" >"$scratch/requirements.txt"; }

# install_dependencies_only: an app is often no package, whatever its pyproject.toml says.
install_dependencies_only() {
  if [[ -z ${fact[dependencies]:-} ]] || ! grep -qE "$no_package" "$scratch/install.log"; then
    indent <"$scratch/install.log"
    explain_failure "$scratch/install.log"
  fi
  detail "The app itself is no installable package; its dependencies are installed."
  write_dependencies
  make_venv
  run_installer pip_install --requirement "$scratch/requirements.txt"
}

install_with_uv() {
  local arguments=(--no-dev) locked=--locked
  command='uv sync'
  export UV_PROJECT_ENVIRONMENT=$venv UV_CACHE_DIR=$CNB_LAYERS_DIR/uv-cache UV_LINK_MODE=copy
  export UV_PYTHON=$python UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
  [[ -z ${PIP_INDEX_URL:-} ]] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}
  [[ -n ${fact[project]} || -z ${fact[workspace]} ]] || arguments+=(--all-packages)
  if [[ ! -f uv.lock ]]; then
    locked=
    warn_of_no_lockfile uv.lock "Run uv lock and commit uv.lock."
  fi
  run_installer "$tool" sync ${locked:+"$locked"} "${arguments[@]}"
}

# Poetry reads its lockfile and pip installs what it says: Poetry's own installer asks the index by an
# interface that mirrors do not have.
install_with_poetry() {
  local poetry=(env "POETRY_CACHE_DIR=$CNB_LAYERS_DIR/poetry-cache" POETRY_KEYRING_ENABLED=false
    "$tool" --no-interaction --no-ansi) wanted=$scratch/requirements.txt
  if [[ -f poetry.lock ]]; then
    command='poetry sync'
    "${poetry[@]}" check --lock >"$scratch/install.log" 2>&1 </dev/null ||
      explain_lockfile "$scratch/install.log"
    run_installer "${poetry[@]}" export --only main --output "$wanted"
    install_exactly "$wanted"
  else
    warn_of_no_lockfile poetry.lock "Run poetry lock and commit poetry.lock."
    command='poetry install'
    "$CNB_LAYERS_DIR/tool-poetry/venv/bin/python" -c 'from poetry.core.factory import Factory
for one in Factory().create_poetry(".").package.requires: print(one.to_pep_508())' \
      >"$wanted" 2>"$scratch/install.log" || explain_failure "$scratch/install.log"
    run_installer pip_install --requirement "$wanted"
  fi
  [[ -z ${fact[package]} ]] || install_project
}

# install_exactly FILE: what a lockfile was exported to; pip can check no hash of a folder or a
# repository, and refuses them among packages with hashes.
install_exactly() {
  local joined=$scratch/joined.txt
  sed -e ':join' -e '/\\$/{N;s/ *\\\n */ /;b join}' "$1" >"$joined"
  grep -- ' --hash=' "$joined" >"$scratch/hashed.txt" || true
  grep -v -- ' --hash=' "$joined" >"$scratch/unhashed.txt" || true
  run_installer pip_install --no-deps --require-hashes --requirement "$scratch/hashed.txt"
  ! grep -qE '^[^#-]|^-e' "$scratch/unhashed.txt" ||
    run_installer pip_install --no-deps --requirement "$scratch/unhashed.txt"
}

# install_project: the app itself as a package; most apps that say they are one are not.
install_project() {
  pip_install --no-deps --editable . >"$scratch/install.log" 2>&1 </dev/null && return
  if grep -qE "$no_package" "$scratch/install.log"; then
    detail "The app itself is no installable package; its dependencies are installed."
    return
  fi
  indent <"$scratch/install.log"
  explain_failure "$scratch/install.log"
}

install_with_pipenv() {
  local pipenv=(env "VIRTUAL_ENV=$venv" "PATH=$venv/bin:$PATH" PIPENV_VERBOSITY=-1 PIPENV_NOSPIN=1
    PIPENV_YES=1 PIPENV_DONT_LOAD_ENV=1 "PIPENV_CACHE_DIR=$CNB_LAYERS_DIR/pipenv-cache"
    "PIP_CACHE_DIR=$CNB_LAYERS_DIR/pip-cache" ${PIP_INDEX_URL:+"PIPENV_PYPI_MIRROR=$PIP_INDEX_URL"}
    "$tool")
  command='pipenv sync'
  if [[ -f Pipfile.lock ]]; then
    refuse_mismatch Pipfile
    [[ ! -f Pipfile ]] || "${pipenv[@]}" verify >"$scratch/verify.log" 2>&1 </dev/null ||
      warn_of_other_origin Pipfile
    run_installer "${pipenv[@]}" sync
  else
    warn_of_no_lockfile Pipfile.lock "Run pipenv lock and commit Pipfile.lock."
    command='pipenv install'
    run_installer "${pipenv[@]}" install --skip-lock
  fi
}

# refuse_mismatch MANIFEST: the digests that Pipenv and PDM keep of their manifests change with the
# tool's version, so a lockfile is out of step if it lacks what is asked for.
refuse_mismatch() {
  [[ -n ${fact[mismatch]:-} ]] || return 0
  fail "$manager_file does not match $1: $1 asks for ${fact[mismatch]}." \
    "$(title_of "$manager") installs exactly what the lockfile says, and it says something else." \
    "Run $manager lock, commit $manager_file, and push again."
}

warn_of_other_origin() {
  warning "$manager_file was not made from this $1; what $manager_file says is installed." \
    "Run $manager lock and commit $manager_file."
}

install_with_pdm() {
  local pdm=(env "VIRTUAL_ENV=$venv" "PATH=$venv/bin:$PATH" PDM_CHECK_UPDATE=false PDM_NON_INTERACTIVE=1
    COLUMNS=1000 PDM_IGNORE_SAVED_PYTHON=1 "PDM_CACHE_DIR=$CNB_LAYERS_DIR/pdm-cache"
    ${PIP_INDEX_URL:+"PDM_PYPI_URL=$PIP_INDEX_URL"} "$tool")
  command='pdm sync'
  if [[ -f pdm.lock ]]; then
    refuse_mismatch pyproject.toml
    "${pdm[@]}" lock --check >"$scratch/verify.log" 2>&1 </dev/null ||
      warn_of_other_origin pyproject.toml
    run_installer "${pdm[@]}" sync --prod
  else
    warn_of_no_lockfile pdm.lock "Run pdm lock and commit pdm.lock."
    command='pdm install'
    run_installer "${pdm[@]}" install --prod
  fi
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installs packages with pip into a virtual environment that is a layer. It is made afresh whenever
# what decides it changed, because pip does not remove what a requirement no longer asks for; pip's
# own cache makes that quick.

readonly pip=(python3 -m pip --python "$venv/bin/python" --disable-pip-version-check --no-input
  --cache-dir "$CNB_LAYERS_DIR/pip-cache")

# other_package_manager: the tool whose lockfile is here without a requirements.txt, and how to export.
other_package_manager() {
  local file tool export
  [[ ! -f requirements.txt ]] || return 0
  for file in uv.lock poetry.lock pdm.lock Pipfile.lock Pipfile; do
    [[ -f $file ]] || continue
    case $file in
      uv.lock) tool=uv export='uv export --no-dev --format requirements-txt -o requirements.txt' ;;
      poetry.lock) tool=Poetry export='poetry export -o requirements.txt' ;;
      pdm.lock) tool=PDM export='pdm export --prod -o requirements.txt' ;;
      *) tool=Pipenv export='pipenv requirements > requirements.txt' ;;
    esac
    fail "This app's packages are managed by $tool ($file), and this buildpack installs with pip." \
      "There is no requirements.txt." "Run: $export   and commit requirements.txt."
  done
}

# pyproject_requirements: [project] dependencies, one a line; sets nothing, fails on broken TOML.
pyproject_requirements() {
  python3 -c 'import sys, tomllib
try:
    project = tomllib.load(open("pyproject.toml", "rb"))
except tomllib.TOMLDecodeError as error:
    sys.exit(str(error))
print("\n".join(project.get("project", {}).get("dependencies", [])))'
}

# choose_requirements: sets arguments for pip, what they come from, and the key of the result (empty
# if something else than those files decides it).
choose_requirements() {
  local message
  pip_arguments=() requirements_source='' key=''
  other_package_manager
  if [[ -f requirements.txt ]]; then
    requirements_source=requirements.txt
    pip_arguments=(--requirement requirements.txt)
    if ! grep -qhE '^[[:space:]]*(-e|--editable|\.|file:)|@ *file:' ./*.txt requirements/*.txt; then
      key=$(cat ./*.txt requirements/*.txt | digest_of -)
    fi
  elif [[ -f pyproject.toml ]]; then
    requirements_source=pyproject.toml
    message=$(pyproject_requirements 2>&1 >"$scratch/requirements.txt") ||
      fail "pyproject.toml cannot be read." "$message" "Correct it."
    if grep -q '^\[build-system\]' pyproject.toml; then
      pip_arguments=(.)
    else
      pip_arguments=(--requirement "$scratch/requirements.txt")
      key=$(digest_of "$scratch/requirements.txt")
    fi
  elif [[ -f setup.py ]]; then
    requirements_source=setup.py
    pip_arguments=(.)
  fi
}

# make_venv: as `python3 -m venv` makes it, with setuptools (old packages import pkg_resources while
# they run) but without pip, which is not needed there.
make_venv() {
  fresh_layer_directory venv
  python3 -m venv --without-pip "$venv"
  unzip -q /usr/share/python-wheels/setuptools-*.whl -d "$venv"/lib/python3*/site-packages
}

# Compiled files that are valid whatever time stamp their source has: layers have one for all files.
compile_packages() {
  "$venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash \
    "$venv/lib" >/dev/null 2>&1 || true # a package may ship files for other versions of Python
}

declare_venv() {
  layer venv lbc key "$1" packages "$2"
  layer_env venv env/VIRTUAL_ENV.override "$venv"
  layer_env venv env/PYTHONUNBUFFERED.default 1
  layer_env venv env.launch/PYTHONFAULTHANDLER.default 1
  layer_env venv env.launch/FORWARDED_ALLOW_IPS.default '*'
  layer_env venv env.launch/GUNICORN_CMD_ARGS.default '--access-logfile -'
}

install_packages() {
  local count=0
  layer pip-cache c
  choose_requirements
  if [[ -n $key ]]; then
    # The way it is installed decides too: this file itself.
    key=$(printf '%s\n' "$key" "$python_version" "${CNB_TARGET_DISTRO_VERSION:-}" |
      cat - "$CNB_BUILDPACK_DIR/lib/install.bash" | digest_of -)
  fi
  if ((${#pip_arguments[@]} == 0)); then
    detail "No requirements.txt: nothing to install."
    key=none-$python_version
  fi
  if [[ -n $key && $(restored venv key) == "$key" ]]; then
    count=$(restored venv packages)
    ((count == 0)) || heading "pip packages unchanged  ·  $(amount "$count" package) from the cache"
    declare_venv "$key" "$count"
    return
  fi
  make_venv
  if ((${#pip_arguments[@]} > 0)); then
    quietly "$scratch/pip.log" "${pip[@]}" install --no-compile --use-pep517 --progress-bar off \
      "${pip_arguments[@]}" || explain_pip_failure "$scratch/pip.log"
    count=$(sed -nE 's/^Successfully installed //p' "$scratch/pip.log" | wc -w)
    heading "pip install ($requirements_source)  ·  $(amount "$count" package)"
    compile_packages
  fi
  declare_venv "$key" "$count"
}

explain_pip_failure() {
  local log=$1 name
  explain_exhaustion "$log"
  name=$(sed -nE 's/.*No matching distribution found for ([^ ]+).*/\1/p' "$log" | head -1)
  if [[ -n $name ]] && grep -q 'Requires-Python' "$log"; then
    fail "No version of $name that fits supports Python $python_version." \
      "pip lists above what each version requires." \
      "Ask for an older version of $name in $requirements_source."
  elif [[ -n $name ]]; then
    fail "There is no package that satisfies $name." \
      "The name may be misspelt, or that version was never published." \
      "Correct it in $requirements_source."
  elif grep -q 'DO NOT MATCH THE HASHES' "$log"; then
    fail "A package is not what $requirements_source says it is." \
      "Its checksum differs from the one written there; pip names it above." \
      "If that is expected, write the hashes of $requirements_source anew."
  elif grep -q 'ResolutionImpossible' "$log"; then
    fail "Two requirements exclude each other." "pip names them above." \
      "Loosen one of them in $requirements_source."
  elif grep -qE 'Invalid requirement|InvalidRequirement' "$log"; then
    fail "$requirements_source has a line that is not a requirement." "pip names it above." \
      "Correct the line; it reads like name==1.2.3."
  elif grep -qE 'fatal error: .*: No such file|error: command .*gcc|Failed building wheel' "$log"; then
    name=$(sed -nE 's/.*Failed building wheel for ([^ ]+).*/\1/p' "$log" | head -1)
    fail "${name:-A package} did not compile." \
      "No ready-made wheel fits Python $python_version; the compiler's message is above." \
      "Ask for a newer version of ${name:-the package} in $requirements_source, which may have a wheel."
  elif grep -qE 'NewConnectionError|Temporary failure in name|ConnectTimeout|ReadTimeout' "$log"; then
    fail "The package index could not be reached." "pip's message is above." \
      "Check the machine's network and push again."
  fi
  fail "pip install failed." "pip's message is above." \
    "Try pip install in a fresh environment of Python $python_version."
}

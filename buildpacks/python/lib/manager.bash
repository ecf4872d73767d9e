# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which tool installs the packages: what a file says, the first that is there. requirements.txt is
# first, because beside another tool's lockfile it is written for platforms like this one.

readonly manifests=(requirements.txt:pip uv.lock:uv poetry.lock:poetry pdm.lock:pdm
  Pipfile.lock:pipenv Pipfile:pipenv pyproject.toml:pip setup.py:pip)

declare -A fact=() # what manifest.py read

title_of() {
  case $1 in
    poetry) printf 'Poetry' ;;
    pdm) printf 'PDM' ;;
    pipenv) printf 'Pipenv' ;;
    *) printf '%s' "$1" ;;
  esac
}

# read_facts [FILE]…: fills fact; FILEs are those whose requires-python counts.
read_facts() {
  local name value lines
  fact[python.excluded]=
  lines=$("$stack_python" "$lib/manifest.py" "$python_version" "$@")
  while IFS=$'\t' read -r name value; do [[ -z $name ]] || fact[$name]=$value; done <<<"$lines"
  [[ -z ${fact[error]:-} ]] || fail "A manifest of this app cannot be read." "${fact[error]}" \
    "Correct the file; it must be valid TOML."
}

# find_manifests: fills found with "file:tool" of those that are there and name packages.
find_manifests() {
  local entry file
  found=()
  for entry in "${manifests[@]}"; do
    file=${entry%:*}
    [[ -f $file ]] || continue
    if [[ $file == pyproject.toml ]]; then
      if [[ -n ${fact[poetry]:-} && -z ${fact[project]:-} ]]; then
        entry=pyproject.toml:poetry
      elif [[ -z ${fact[project]:-}${fact[builds]:-} ]]; then
        continue # it configures tools only
      fi
    fi
    found+=("$entry")
  done
}

# choose_manager: sets manager (pip, uv, poetry, pdm, pipenv, none) and manager_file, what decided.
choose_manager() {
  local entry others=() seen=" "
  python_version=$(version_of "$stack_python")
  read_facts
  find_manifests
  manager=none manager_file=
  for entry in ${found[@]+"${found[@]}"}; do
    if [[ $manager == none && ${BP_PYTHON_MANAGER:-${entry#*:}} == "${entry#*:}" ]]; then
      manager=${entry#*:} manager_file=${entry%:*}
    fi
  done
  for entry in ${found[@]+"${found[@]}"}; do
    [[ ${entry#*:} != "$manager" && $seen != *" ${entry#*:} "* ]] || continue
    seen+="${entry#*:} "
    [[ ${entry%:*} == pyproject.toml && $manager != pip ]] || others+=("${entry%:*} (${entry#*:})")
  done
  announce_manager
  if ((${#others[@]} > 0)); then
    detail "Also there, and not used: $(IFS=,; printf '%s' "${others[*]}" | sed 's/,/, /g')." \
      "BP_PYTHON_MANAGER chooses."
  fi
  refuse_unknown_manifests
}

announce_manager() {
  local file=$manager_file
  [[ -n $file ]] || file=$(planned_file)
  if [[ -n ${BP_PYTHON_MANAGER:-} && $manager == none ]]; then
    fail "BP_PYTHON_MANAGER=$BP_PYTHON_MANAGER does not fit this app." \
      "Here are: $(IFS=' '; printf '%s' "${found[*]:-no files that name packages}")." \
      "Remove it: berth config:unset BP_PYTHON_MANAGER"
  fi
  heading "Python app detected" \
    "(${file:-a start file}${BP_PYTHON_MANAGER:+, BP_PYTHON_MANAGER=$manager})"
}

refuse_unknown_manifests() {
  local file
  [[ $manager == none ]] || return 0
  if [[ -f environment.yml ]]; then
    fail "This app's packages are managed by conda (environment.yml), which is not available." \
      "Conda's packages come from an index of their own." \
      "List what the app imports in requirements.txt; pip installs that."
  fi
  for file in requirement.txt Requirements.txt requirements.in; do
    [[ ! -f $file ]] || fail "$file is not a name that says which packages to install." \
      "pip's file is called requirements.txt." "Rename it: git mv $file requirements.txt"
  done
}

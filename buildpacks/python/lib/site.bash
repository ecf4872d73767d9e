# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sites that a Python program makes: MkDocs, Sphinx, Pelican. What is served needs no Python.

# generator: sets generator to the command line that makes the site, and folder to where it ends.
generator() {
  local root
  generator=()
  if [[ -f mkdocs.yml ]] && installed mkdocs; then
    folder=$(sed -nE "s/^site_dir:[[:space:]]*['\"]?([^'\"#[:space:]]+).*/\1/p" mkdocs.yml | head -1)
    folder=${folder:-site} generator=(mkdocs build --clean)
  elif [[ -f pelicanconf.py ]] && installed pelican; then
    root=pelicanconf.py
    [[ ! -f publishconf.py ]] || root=publishconf.py
    folder=output generator=(pelican content --output output --settings "$root")
  elif installed sphinx; then
    for root in . docs doc source docs/source doc/source; do
      [[ -f $root/conf.py ]] || continue
      folder=_build/html generator=(sphinx-build -b html "$root" _build/html)
      return
    done
  fi
}

# site: makes it and serves it. The environment stays in the cache alone.
site() {
  local generator folder='' started=$SECONDS
  generator
  ((${#generator[@]} > 0)) || return 1
  quietly "$scratch/site.log" "${generator[@]}" || explain "$scratch/site.log" <<TABLE
/not installed|No module named|Could not import extension
?[Tt]he "([^"]+)" plugin is not installed
?No module named '([^']+)'
?Could not import extension ([^ ]+)
The site needs {something} that is not installed.
$manager_file does not list it.
Add its package there and push again.

${generator[*]} failed.
Its message is above.
Try it in a fresh environment of Python $python_version.
TABLE
  heading "${generator[*]} ($((SECONDS - started)) s)"
  serve_site "$folder"
  layer venv bc key "$(restored venv key)" packages "$(restored venv packages)"
}

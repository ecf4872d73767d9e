# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# npm, which comes with Node.

readonly npm_flags=(--no-audit --no-fund --no-progress --no-update-notifier --loglevel=warn)

npm_with_flags() {
  npm_config_cache=$CNB_LAYERS_DIR/npm-cache npm "$@" "${npm_flags[@]}"
}

# npm_range NODE_VERSION: what package.json asks for, else what comes with that Node.
npm_range() {
  local declared
  declared=$(declared_range npm)
  printf '%s' "${declared:-$(npm_line "$1")}"
}

# npm_line NODE_VERSION: the npm that the Node project ships with that line.
npm_line() {
  case ${1%%.*} in
    ? | 10 | 11 | 12 | 13 | 14) printf '6.x' ;; 15) printf '7.x' ;; 16 | 17) printf '8.x' ;;
    18 | 19 | 20 | 21 | 22 | 23) printf '10.x' ;; *) printf '11.x' ;;
  esac
}

npm_run() { npm run --silent "$1"; }

# npm's explanation of its options says nothing about this app.
without_usage() { sed -e '/^npm error$/d' -e '/Clean install a project/,/npm help/d'; }

npm_verb() { if [[ -n $lockfile ]]; then printf 'npm ci'; else printf 'npm install'; fi; }

# npm_install production|everything: the lockfile decides between ci and install. One that has the digest
# of each package (since npm 7) also decides whether a copy in the cache is the right one: then the
# registry is not asked whether it still has the same.
npm_install() {
  local verb=ci options=(--include=dev)
  [[ -n $lockfile ]] || verb=install
  [[ $1 != production ]] || options=(--omit=dev)
  [[ -z $lockfile ]] || ! grep -qE '^ *"lockfileVersion": *[23],' "$lockfile" ||
    options+=(--prefer-offline)
  noise=without_usage quietly "$scratch/install.log" npm_with_flags "$verb" "${options[@]}"
}

npm_prune() { npm_with_flags prune --omit=dev --ignore-scripts; }

npm_explain() {
  explain "$1" <<TABLE
/npm (error|ERR!) code EUSAGE|can only install packages when your package.json
$(lockfile_out_of_step "npm ci" "npm install")

/code ETARGET|notarget
?No matching version found for ([^ ]+[^ .])
$(no_such_version)

/code ERESOLVE
Two packages ask for versions of a third that exclude each other.
npm names them above (ERESOLVE).
Update one of them, or put legacy-peer-deps=true into .npmrc.

/code EBADENGINE
A package does not support Node $node_version.
engine-strict is set and npm names the package above.
Set engines.node in package.json.
TABLE
}

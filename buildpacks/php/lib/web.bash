# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which folder is served.

# document_root: sets root and root_reason. The explicit answers first.
document_root() {
  local name
  root_reason=BP_PHP_WEB_DIR
  root=${BP_PHP_WEB_DIR:-}
  if [[ -z $root ]]; then
    for name in public web htdocs www html; do
      [[ -f $name/index.php || (-f $name/index.html && ! -f index.php) ]] || continue
      # A folder public beside the app's own index.php is one of pictures and styles.
      [[ ! -f index.php || -f $name/index.php ]] || continue
      root=$name root_reason="it has the index"
      break
    done
  fi
  if [[ -z $root ]]; then root=. root_reason="no public, web, htdocs, www or html"; fi
  root=${root#./}
  root=${root%/}
  root=${root:-.}
  [[ -d $root && ! /$root/ =~ /\.\./ && $root != /* ]] ||
    fail "The folder $root is not in the app (BP_PHP_WEB_DIR)." \
      "It is what the web server would serve." "Correct it: berth config:set BP_PHP_WEB_DIR=public"
}

# script_app: a file that serves by itself, for an app that has no page.
script_app() {
  local name
  [[ ! -f index.php && ! -f $root/index.php && ! -f $root/index.html ]] || return 1
  for name in server.php worker.php main.php app.php; do
    [[ -f $name ]] || continue
    process web true php "$name"
    detail "web: php $name (it must listen on \$PORT)"
    return
  done
  return 1
}

choose_process() {
  document_root
  ! script_app || return 0
  heading "Serving $root ($root_reason) by Apache and PHP-FPM"
  process web true berth-php "$root"
  if [[ $root == . && -d vendor ]]; then
    warning "The whole repository is the document root; vendor and dot files are not served." \
      "Move index.php into public/ to serve only what is meant to be."
  fi
}

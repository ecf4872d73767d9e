#compdef berth
# SPDX-License-Identifier: Apache-2.0
# zsh completion for berth:  berth completion zsh > a directory of $fpath, named _berth

_berth() {
  local -a candidates plain
  local text description
  while IFS=$'\t' read -r text description; do
    if [[ $text == *= ]]; then
      plain+=("$text")
    else
      candidates+=("${text//:/\\:}:$description")
    fi
  done < <("${words[1]}" __complete --described -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#plain} )) && compadd -S '' -a plain
  (( ${#candidates} )) && _describe 'berth' candidates
}

# Autoloaded from $fpath the file is the function's body; sourced, it registers the function.
if [[ ${funcstack[1]} == _berth ]]; then
  _berth "$@"
else
  compdef _berth berth
fi

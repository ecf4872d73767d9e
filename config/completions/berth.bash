# SPDX-License-Identifier: Apache-2.0
# bash completion for berth:  source <(berth completion bash)
#
# bash splits words at ':' and '=' (COMP_WORDBREAKS), and commands contain both. So the line is split
# at blanks here, and what bash has already taken is cut off the answers.

_berth() {
  local line=${COMP_LINE:0:COMP_POINT} words current taken candidate
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  current=${words[-1]}
  taken=${current%"${current##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate#"$taken"}")
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  # "web=" waits for its number.
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}

complete -F _berth berth

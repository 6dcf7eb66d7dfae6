# SPDX-License-Identifier: Apache-2.0
# Completion of trail(1) for bash: trail itself says what the word at the cursor may become.
_trail()
{
	local raw=${COMP_WORDS[COMP_CWORD]} words=() word joined='' head
	# bash cuts words at ":" and "=", trail has them whole.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		if [[ (-n $joined || $word == [:=]) && ${#words[@]} -gt 0 ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		[[ $word == [:=] ]] && joined=1 || joined=
	done
	word=${words[-1]}
	[[ $raw == [:=] ]] && raw=
	head=${word%"$raw"}
	mapfile -t COMPREPLY < <("$1" complete "${words[@]}" 2>/dev/null)
	if [[ ${COMPREPLY[0]} == FILE ]]; then
		COMPREPLY=()
		compopt -o default
		return
	fi
	COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
	COMPREPLY=("${COMPREPLY[@]#"$head"}")
	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]]; then
		compopt -o nospace
	fi
}
complete -F _trail trail

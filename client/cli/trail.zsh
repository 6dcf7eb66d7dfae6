#compdef trail
# SPDX-License-Identifier: Apache-2.0
# Completion of trail(1) for zsh: trail itself says what the word at the cursor may become.
local offer
local -a offers
offers=("${(@f)$(command trail complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
if [[ $offers[1] == FILE ]]; then
	compset -P '--*='
	_files
	return
fi
for offer in ${offers%%$'\t'*}; do
	if [[ $offer == *: ]]; then
		compadd -S '' -- $offer
	else
		compadd -- $offer
	fi
done

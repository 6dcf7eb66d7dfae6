# SPDX-License-Identifier: Apache-2.0
# Completion of trail(1) for fish: trail itself says what the word at the cursor may become.
function __trail_complete
    set -l token (commandline -ct)
    set -l offers (command trail complete (commandline -opc)[2..] "$token" 2>/dev/null)
    if test "$offers" = FILE
        set -l head (string match -r -- '^--[a-z-]+=' $token)
        for path in (__fish_complete_path (string replace -- "$head" '' "$token"))
            printf '%s%s\n' "$head" $path
        end
    else
        printf '%s\n' $offers
    end
end
complete -c trail -f -a '(__trail_complete)'

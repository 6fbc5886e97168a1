# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completes the command line of sixnet in bash. All words are the program's own, from its help.

_sixnet_options()
{
    "$1" "$2" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

# The kinds of a family, which `sixnet list` prints below a line that begins with its name.
_sixnet_kinds()
{
    "$1" list 2>/dev/null | sed -n "/^$2/,/^\$/s/^  \([a-z0-9_]*\)  .*/\1/p"
}

_sixnet()
{
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p') --help --version"
    else
        case $before:${COMP_WORDS[1]} in
        --optimizer:*) words=$(_sixnet_kinds "$program" optimizers) ;;
        --schedule:*) words=$(_sixnet_kinds "$program" schedules) ;;
        --transform:* | --augment:*) words=$(_sixnet_kinds "$program" transforms) ;;
        --isa:*) words='auto baseline avx2 avx512 neon' ;;
        --dtype:*) words='f32 f64' ;;
        list:list) words="$(_sixnet_kinds "$program" '[a-z]') layers losses optimizers schedules transforms options" ;;
        *) case $current in -*) words=$(_sixnet_options "$program" "${COMP_WORDS[1]}") ;; esac ;;
        esac
    fi
    # shellcheck disable=SC2207 # none of the words has blanks
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -o default -F _sixnet sixnet

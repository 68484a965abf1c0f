# What only files tell, or what is a long list: mtrain itself knows. The last
# argument says what; those before are for compadd.
_mtrain_ask() {
    local name text found=1
    local -a names texts open_names open_texts expl
    expl=("${(@)@[1,-2]}")
    while IFS=$'\t' read -r name text; do
        if [[ $name == *[.=] ]]; then
            open_names+=("$name") open_texts+=("$name  -- $text")
        else
            names+=("$name") texts+=("$name  -- $text")
        fi
    done < <("$mtrain_program" completion --candidates ${@[-1]} -- \
        "${(@Q)mtrain_words}" "${(Q)PREFIX}" 2>/dev/null)
    (( $#names )) && compadd "$expl[@]" -l -d texts -a names && found=0
    (( $#open_names )) &&
        compadd "$expl[@]" -l -S '' -d open_texts -a open_names && found=0
    return found
}

_mtrain() {
    local curcontext="$curcontext" state line mtrain_program
    local -a mtrain_words
    typeset -A opt_args
    mtrain_program=${(Q)words[1]}
    mtrain_program=${mtrain_program/#\~\//$HOME/}
    mtrain_words=("${(@)words[2,CURRENT-1]}")
    _arguments -C '(- *)'{-h,--help}'[show the commands]' \
        '(- *)--version[show the version]' \
        '1:command:_mtrain_ask commands' '*::argument:->arguments' && return
    [[ $state == arguments ]] && _mtrain_command
}

# sourced: to be registered; as a file in fpath: to be run
if [[ ${funcstack[1]} == _mtrain ]]; then
    _mtrain "$@"
else
    compdef _mtrain mtrain
fi

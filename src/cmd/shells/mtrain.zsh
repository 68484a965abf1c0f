#compdef mtrain
# zsh completion of mtrain. mtrain itself reads the words and says what could
# come next: `mtrain completion --candidates` prints "files ENDING...",
# "folders", or "words" and the candidates, each with a tab and a text.
_mtrain() {
    local kind name text program=${(Q)words[1]}
    local -a names texts open_names open_texts endings
    program=${program/#\~\//$HOME/}
    {
        read -r kind
        while IFS=$'\t' read -r name text; do
            [[ -z $text ]] || text="$name  -- $text"
            if [[ $name == *[.=] ]]; then
                open_names+=("$name") open_texts+=("${text:-$name}")
            else
                names+=("$name") texts+=("${text:-$name}")
            fi
        done
    } < <("$program" completion --candidates -- \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    # of --option=value only the value is completed
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    case $kind in
    words)
        compadd -l -d texts -a names
        compadd -l -S '' -d open_texts -a open_names
        (( compstate[nmatches] )) ;;
    folders) _files -/ ;;
    files*)
        endings=(${=kind#files})
        _files ${endings:+-g} ${endings:+"*.${(j: *.:)endings}"} ;;
    esac
}

# sourced: to be registered; as a file in fpath: to be run
if [[ ${funcstack[1]} == _mtrain ]]; then
    _mtrain "$@"
else
    compdef _mtrain mtrain
fi

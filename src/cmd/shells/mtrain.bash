# bash completion of mtrain, for bash 3.2 or later; nothing of the package
# bash-completion is needed. mtrain itself reads the words and says what could
# come next: `mtrain completion --candidates` prints "files ENDING...",
# "folders", or "words" and the candidates, each with a tab and a text.

_mtrain_files()
{
    local ending line IFS=$'\n'
    compopt -o filenames 2>/dev/null
    [ $# -gt 0 ] || COMPREPLY=($(compgen -f -- "$cur"))
    [ $# -eq 0 ] || COMPREPLY=($(compgen -d -- "$cur"))
    for ending; do
        COMPREPLY+=($(compgen -f -X "!*.$ending" -- "$cur"))
    done
}

# Sets words, those up to the cursor without the program's, and n, how many;
# what readline has split at '=' is put together.
_mtrain_words()
{
    local i word line=${COMP_LINE:0:${COMP_POINT:-0}}
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        n=${#words[@]}
        if ((n > 0)) && [[ $word == = || ${words[n-1]} == *= ]] &&
            ! [[ -z $word && $line == *[[:space:]] ]]; then
            words[n-1]=${words[n-1]}$word
        else
            words[n]=$word
        fi
    done
    n=${#words[@]}
    for ((i = 0; i < n; i++)); do
        words[i]=${words[i]/#\~\//$HOME/}
    done
}

_mtrain()
{
    local words n cur prefix= before kind candidate text i
    local program=${COMP_WORDS[0]/#\~\//$HOME/}
    words=() n=0 COMPREPLY=()
    _mtrain_words
    cur=${words[n-1]}
    {
        read -r kind
        while IFS=$'\t' read -r candidate text; do
            COMPREPLY+=("$candidate")
        done
    } < <("$program" completion --candidates -- "${words[@]}" 2>/dev/null)
    case ${#COMPREPLY[@]},${COMPREPLY[0]} in
    1,*[.=]) compopt -o nospace 2>/dev/null ;;
    esac
    if [[ $cur == --*=* ]]; then
        prefix=${cur%%=*}=
        cur=${cur#*=}
    fi
    case $kind in
    files*) _mtrain_files ${kind#files} ;;
    folders) compopt -o filenames 2>/dev/null
        local IFS=$'\n'
        COMPREPLY=($(compgen -d -- "$cur")) ;;
    esac
    # readline replaces only what follows the last '='
    if [[ $COMP_WORDBREAKS == *=* && $cur == *=* ]]; then
        before=${cur%"${cur##*=}"}
        for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
            COMPREPLY[i]=${COMPREPLY[i]#"$before"}
        done
    elif [[ $COMP_WORDBREAKS != *=* && -n $prefix ]]; then
        for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
            COMPREPLY[i]=$prefix${COMPREPLY[i]}
        done
    fi
}

complete -F _mtrain mtrain

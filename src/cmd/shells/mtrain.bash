# The part of the completion for bash that is the same for all commands: the
# tables of commands and options stand before it. bash 3.2 or later; nothing of
# the package bash-completion is needed.
#
# `want` is what a word stands for: "files ENDING...", "folders",
# "words WORD...", "ask KIND", or nothing.

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

_mtrain_ask()
{
    local candidate rest program=${COMP_WORDS[0]}
    program=${program/#\~\//$HOME/}
    while IFS=$'\t' read -r candidate rest; do
        COMPREPLY+=("$candidate")
    done < <("$program" completion --candidates "$1" -- "${words[@]}" 2>/dev/null)
    case ${#COMPREPLY[@]},${COMPREPLY[0]} in
    1,*[.=]) compopt -o nospace 2>/dev/null ;;
    esac
}

# Sets words and n, the words before the cursor without the program's;
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

# Sets want for the last word, by the words before it.
_mtrain_want()
{
    local i operands=0 ended= pending=
    for ((i = 1; i < n - 1; i++)); do
        if [[ -n $pending ]]; then
            pending=
        elif [[ -z $ended && ${words[i]} == -- ]]; then
            ended=1
        elif [[ -z $ended && ${words[i]} == -?* ]]; then
            [[ ${words[i]} != *=* ]] &&
                _mtrain_option "${words[0]} ${words[i]}" && pending=1
        else
            operands=$((operands + 1))
        fi
    done
    if [[ -n $pending ]]; then
        _mtrain_option "${words[0]} ${words[n-2]}"
    elif [[ -z $ended && $cur == --*=* ]]; then
        prefix=${cur%%=*}=
        cur=${cur#*=}
        _mtrain_option "${words[0]} ${prefix%=}"
    elif [[ -z $ended && $cur == -* ]]; then
        _mtrain_options "${words[0]}"
    else
        _mtrain_operand "${words[0]} $operands"
    fi
}

_mtrain()
{
    local words n cur want= prefix= before i
    words=() n=0 COMPREPLY=()
    _mtrain_words
    cur=${words[n-1]}
    if ((n <= 1)); then
        want="words --help --version $_mtrain_commands"
        [[ $cur == -* ]] || want="words $_mtrain_commands"
    else
        _mtrain_want
    fi
    case $want in
    files*) _mtrain_files ${want#files} ;;
    folders) compopt -o filenames 2>/dev/null
        local IFS=$'\n'
        COMPREPLY=($(compgen -d -- "$cur")) ;;
    words*) COMPREPLY=($(compgen -W "${want#words }" -- "$cur")) ;;
    ask*) _mtrain_ask "${want#ask }" ;;
    esac
    # readline replaces only what is behind the last '='
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

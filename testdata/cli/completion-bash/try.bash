eval "$(mtrain completion bash)"

# try WORD...: completes the last one; words are split at = as readline does
try()
{
    local word
    COMP_LINE="$*" COMP_WORDS=()
    for word; do
        while [[ $word == *=* ]]; do
            [[ -z ${word%%=*} ]] || COMP_WORDS+=("${word%%=*}")
            COMP_WORDS+=(=)
            word=${word#*=}
            [[ -n $word ]] || continue 2
        done
        COMP_WORDS+=("$word")
    done
    COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _mtrain
    echo "$*| ${COMPREPLY[*]}"
}

complete -p mtrain
for command in $(mtrain help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    try mtrain "$command" >out
    grep -q "| $command" out || cat out
done
try mtrain r
try mtrain --v
try mtrain train bl
try mtrain train --init b
try mtrain train --log
try mtrain train --color ""
try mtrain train --color=a
try mtrain train blobs.json optimizer.l
try mtrain train blobs.json opt
try mtrain train blobs.json optimizer.type=A
try mtrain train -o x.mtc --log=y blobs.json loss.t
try mtrain train -- blobs.json model.layers.0.b
try mtrain resume blobs.mtc --set optimizer.l
try mtrain resume blobs.mtc --set=optimizer.type=S
try mtrain verify blobs.mtc o
try mtrain show blobs.mtc fc1
try mtrain show blobs.mtc optimizer.momentum_buffer.fc2.w
try mtrain save blobs.mtc --only fc2.b
try mtrain save --data-dir b
try mtrain diff --section p
try mtrain help co
try mtrain completion ""
try mtrain init gp
try mtrain copy none.mtc --with
try mtrain show none.mtc f
try mtrain unknown x

# What the cases share. A case sources this file first:
#
#     . "$TESTDATA/cli/common/lib.sh"

# use NAME...: copies of the specs NAME.json, and the data they name
use() {
    for use_name; do
        cp "$TESTDATA/cli/common/$use_name.json" .
    done
    [ -e data ] || ln -s "$TESTDATA/data" data
}

# run ARG...: mtrain, and then its exit code
run() {
    run_code=0
    "$MTRAIN" "$@" || run_code=$?
    echo "exit $run_code"
}

# ok ARG...: mtrain, which must not fail; its talk goes nowhere
ok() {
    "$MTRAIN" "$@" >ok.out 2>ok.err || {
        echo "failed with $?: mtrain $*"
        cat ok.out ok.err
        exit 99
    }
    rm -f ok.out ok.err
}

# flawed SPEC EDIT [COMMAND...]: checks SPEC.json after an edit by sed
flawed() {
    flawed_spec=$1.json flawed_edit=$2
    shift 2
    [ $# -gt 0 ] || set -- check
    sed -e "$flawed_edit" "$flawed_spec" >bad.json
    if cmp -s "$flawed_spec" bad.json; then
        echo "the edit changed nothing: $flawed_edit"
    fi
    run "$@" bad.json
}

# same A B: are the files equal, byte for byte?
same() {
    if cmp -s "$1" "$2"; then
        echo "$1 and $2 are the same bytes"
    else
        echo "$1 and $2 differ"
    fi
}

# remember FILE, unchanged FILE: was it left alone?
remember() {
    cp "$1" "$1.remembered"
}

unchanged() {
    if cmp -s "$1" "$1.remembered"; then
        echo "$1 is unchanged"
    else
        echo "$1 was changed"
    fi
}

# wait_for TEXT FILE: until FILE has a line with TEXT, at most 20 s
wait_for() {
    wait_left=2000
    until grep -q "$1" "$2" 2>/dev/null; do
        wait_left=$((wait_left - 1))
        if [ $wait_left = 0 ]; then
            echo "no $1 in $2"
            return 1
        fi
        sleep 0.01
    done
}

# python: the standard library only
python() {
    python3 -S -E "$@"
}

# skip WHY: the case cannot run here
skip() {
    echo "$1"
    exit 77
}

# try_all FILE: each command that reads a checkpoint, on FILE; good.mtc is a
# good one
try_all() {
    for try in "show $1" "show --spec $1" "show --digest $1" "resume $1" \
        "eval $1" "copy $1 new.mtc" "copy --with-optimizer $1 new.mtc" \
        "copy --alias $1 new.mtc" "save $1 -o new.safetensors" \
        "load blobs.json $1 -o new.mtc" "load $1 good.mtc -o new.mtc" \
        "diff $1 good.mtc" "diff good.mtc $1" \
        "train blobs.json --init $1 -o new.mtc" "verify $1"; do
        echo "\$ mtrain $try"
        # shellcheck disable=SC2086
        run $try
    done
    ls -A
}

# What the scripts that compare bits share. They source it from the top folder:
#
#     . scripts/bits.sh
#
# It counts in $passed and $failed; $small may be set to other overrides.
passed=0 failed=0
small="train.steps=3 data.batch_size=8"

# every example, small enough to be trained dozens of times
all_specs() {
    ls configs/*.json configs/bench/*.json testdata/specs/*.json
}

# train_small MTRAIN SPEC OUT [OPTION...]: a few steps of a few samples
train_small() {
    small_mtrain=$1 small_spec=$2 small_out=$3
    shift 3
    # shellcheck disable=SC2086
    "$small_mtrain" train "$small_spec" $small -q -f -o "$small_out" "$@"
}

# find_sets MTRAIN: sets $isas to the instruction sets that this machine and
# build know, best first; ends the script where there is none, because then
# nothing would be compared
find_sets() {
    isas=
    for set_name in avx512 avx2 neon generic; do
        MTRAIN_ISA=$set_name "$1" check configs/digits.json -q 2>/dev/null &&
            isas="$isas $set_name"
    done
    [ "$isas" ] && return
    echo "$1: does not run, or knows no instruction set"
    echo "0 passed, 1 failed"
    exit 1
}

# reference_of SPEC FOLDER: where its checkpoint is kept
reference_of() {
    echo "$2/$(echo "$1" | tr / -).mtc"
}

# same_bits MTRAIN SPEC FOLDER ISA THREADS...: is the checkpoint of every run
# that which FOLDER keeps? The first run of all makes it.
same_bits() {
    bits_mtrain=$1 bits_spec=$2 bits_folder=$3 bits_isa=$4
    bits_kept=$(reference_of "$2" "$3")
    shift 4
    for bits_threads; do
        MTRAIN_ISA=$bits_isa train_small "$bits_mtrain" "$bits_spec" \
            "$bits_folder/run.mtc" --threads "$bits_threads" || return 1
        [ -e "$bits_kept" ] || cp "$bits_folder/run.mtc" "$bits_kept"
        if ! cmp -s "$bits_kept" "$bits_folder/run.mtc"; then
            echo "$bits_spec: $bits_isa with $bits_threads threads has bits of its own:"
            "$bits_mtrain" diff "$bits_kept" "$bits_folder/run.mtc"
            return 1
        fi
    done
}

# count COMMAND...: one test
count() {
    if "$@"; then
        passed=$((passed + 1))
    else
        echo "failed: $*"
        failed=$((failed + 1))
    fi
}

# the total; also whether all is well
total() {
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}

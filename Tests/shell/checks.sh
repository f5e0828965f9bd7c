# shellcheck shell=bash
# What test scripts share. They source this in the root of the checkout; "$scratch" is a directory of their own, which goes
# with them unless they set a trap on EXIT.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed=0
failed=0

# check SENTENCE COMMAND...: the command succeeds.
check() {
    local sentence=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        passed=$((passed + 1))
        printf 'ok - %s\n' "$sentence"
    else
        failed=$((failed + 1))
        printf 'not ok - %s\n' "$sentence"
        tail -n 40 "$scratch/output" | sed 's/^/    /'
    fi
}

fails() { ! "$@"; }

# The last line of each script, and its exit status.
report() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

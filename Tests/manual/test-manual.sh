#!/usr/bin/env bash
# Tests of the manual pages with man, and of the completions in bash, zsh and fish, with the programs that the tests build.
# The last line is "N passed, N failed".
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
programs=$(swift build --show-bin-path) || exit 1
export PATH=$programs:$PATH LC_ALL=C.UTF-8 MANWIDTH=80
. Tests/shell/checks.sh


# --- pages --------------------------------------------------------------------

is_current() {
    mkdir -p "$scratch/pages"
    scripts/manual.py "$programs" "$scratch/pages" && diff -u "docs/man/$1" "$scratch/pages/$1"
}

renders() {
    [ -z "$(man --warnings -E UTF-8 -Tutf8 -Z --local-file "$1" 2>&1 >/dev/null | tee /dev/stderr)" ]
}

has_sections() {
    local page=$1 section
    shift
    for section in "$@"; do
        man --local-file "$page" | grep -qx "$section" || { echo "no section $section" && return 1; }
    done
}

# Packages install the page of the configuration under names of their own, and man goes by the one inside.
is_found_by_its_name() {
    install -D -m 644 "$1" "$scratch/man/man5/loghamster-server.toml.5" && chmod -R a+rX "$scratch" &&
        mandb --quiet --create "$scratch/man" && man -M "$scratch/man" --where "$(basename "$1" .5)"
}

# --- completions --------------------------------------------------------------

# complete_SHELL WORD…: what the shell offers for the last word.
complete_bash() {
    bash -c '
        source "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
        function=$(complete -p "$1" | sed "s/.*-F \([^ ]*\).*/\1/")
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" "${COMPREPLY[@]}"
    ' complete "$scratch/$1.bash" "$@"
}

complete_fish() {
    # shellcheck disable=SC2016 # The arguments are the inner shell's.
    fish --no-config -c 'source $argv[1]; complete -C "$argv[2..-1]"' "$scratch/$1.fish" "$@"
}

# On a terminal of its own, where the words are typed and Tab is pressed.
complete_zsh() {
    # shellcheck disable=SC2016 # The arguments are the inner shell's.
    timeout 30 zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; setopt list_rows_first; echo rea\dy"
        zpty -r shell seen "*ready*"
        shift
        zpty -n -w shell "$*"$'"'\\t'"'
        zpty -r shell seen "*--config*"
        print -r -- $seen
    ' complete "$scratch/zsh" "$@"
}

offers() {
    local shell=$1 expected=$2
    shift 2
    "complete_$shell" "$@" | tee /dev/stderr | grep -qF -- "$expected"
}

write_completions() {
    mkdir -p "$scratch/zsh"
    "$1" --generate-completion-script bash >"$scratch/$1.bash" &&
        "$1" --generate-completion-script fish >"$scratch/$1.fish" &&
        "$1" --generate-completion-script zsh >"$scratch/zsh/_$1"
}

test_pages() {
    local page
    for page in loghamsterc.1 loghamsterd.8; do
        check "$page is what scripts/manual.py makes of the program's help" is_current "$page"
        check "$page tells of files, signals and exit codes" \
            has_sections "docs/man/$page" SYNOPSIS OPTIONS SIGNALS 'EXIT STATUS' ENVIRONMENT FILES 'SEE ALSO'
    done
    for page in docs/man/*.[1-8]; do
        check "$page is rendered without a warning" renders "$page"
        check "$page has a name and a summary" lexgrog "$page"
    done
    page=docs/man/loghamster.toml.5
    if [ -e "$page" ]; then check "$page is found by its name" is_found_by_its_name "$page"; fi
    # A page that is wrong has to be found, or the checks above say nothing.
    printf '.TH page 1\n.SH NAME\npage \\- a page\n' >"$scratch/page.1"
    check 'a page that is right is right anywhere' renders "$scratch/page.1"
    printf '\\*[nothing]\n' >>"$scratch/page.1"
    check 'a wrong one is noticed' fails renders "$scratch/page.1"
}

test_completions() {
    local program shell
    for program in loghamsterc loghamsterd; do
        check "$program writes its completions" write_completions "$program"
        for shell in bash fish zsh; do
            check "$shell completes the options of $program" offers "$shell" --config "$program" status --c
        done
        for shell in bash fish; do
            check "$shell completes the commands of $program" offers "$shell" status "$program" sta
        done
    done
    check 'what is no option is not offered' fails offers fish --nonsense loghamsterd status --
}

for tool in man bash zsh fish; do
    check "$tool is there" command -v "$tool"
done
test_pages
test_completions
report

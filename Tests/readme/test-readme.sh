#!/usr/bin/env bash
# Does what README.md says, in its order, with the programs that the tests build. "make demo" and "make test" are CI's.
# The last line is "N passed, N failed".
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
root=$PWD
programs=$(swift build --show-bin-path) || exit 1
. Tests/shell/checks.sh
serverPID=

cleanUp() {
    if [ -n "$serverPID" ]; then kill "$serverPID" && wait "$serverPID"; fi
    rm -rf "$scratch"
} 2>/dev/null
trap cleanUp EXIT

# The lines of all blocks of a kind: sh, toml, swift.
blocks() {
    awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } $0 == "```" { inside = 0 } inside' "$root/README.md"
}

# A configuration of the README under its own name, with a free port.
write_configuration() {
    blocks toml | awk -v name="# $1" '/^# .*\.toml$/ { inside = $0 == name } inside' |
        sed "s/7007/$port/" >"$scratch/$1"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

is_listening() {
    grep -q listening "$scratch/server.log"
}

# Waits, bounded, until the command succeeds.
eventually() {
    local deadline=$((SECONDS + 20))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

is_stored() {
    cmp -s "$scratch/logs/app.log" "$scratch/stored/web1$scratch/logs/app.log"
}

# One command line of the README, in the scratch folder.
run() {
    (cd "$scratch" && PATH=$programs:$PATH bash -euo pipefail -c "${1//7007/$port}")
}

port=$(free_port)
ln -s "$root/certs" "$scratch/certs"
mkdir "$scratch/logs"
seq 100000 >"$scratch/logs/app.log"
write_configuration server.toml

while IFS= read -r line; do
    command=${line%%#*}
    command=${command%"${command##*[![:space:]]}"}
    case $command in
    'make demo' | 'make test') grep -q "^$command\$" "$root/.ci/run"; check "CI runs: $command" test $? -eq 0 ;;
    'loghamsterd --config server.toml')
        (cd "$scratch" && exec "$programs/loghamsterd" --config server.toml) 2>"$scratch/server.log" &
        serverPID=$!
        check "$command" eventually is_listening
        ;;
    'loghamsterc --config web1/client.toml logs/app.log')
        (cd "$scratch" && exec "$programs/loghamsterc" --config web1/client.toml logs/app.log) 2>"$scratch/client.log" &
        clientPID=$!
        check "$command: what is there is stored" eventually is_stored
        echo 'one line more' >>"$scratch/logs/app.log"
        check "$command: what is appended is stored" eventually is_stored
        kill "$clientPID"
        check "$command: ends in order" wait "$clientPID"
        ;;
    *) check "$command" run "$command" ;;
    esac
done < <(blocks sh)

check 'the file is stored as it is' is_stored
blocks swift >"$scratch/example.swift"
check 'the Swift example is the one that the tests build' cmp "$scratch/example.swift" Tests/LogHamsterTests/ReadmeExample.swift
report

#!/usr/bin/env bash
# Tests of deploy/systemd with systemd-analyze as the judge. The last line is "N passed, N failed".
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
. Tests/shell/checks.sh

# The units in a root of their own, with the system's beside them and something that can be executed where the programs
# will be.
install_units() {
    local program
    install -d "$units"
    cp -r /lib/systemd/system/. "$units"
    make -s install-systemd DESTDIR="$scratch/root" PREFIX=/usr || return
    install -d "$scratch/root/usr/bin" "$scratch/root/bin"
    for program in usr/bin/loghamsterd usr/bin/loghamsterc bin/sh; do
        printf '#!/bin/sh\n' >"$scratch/root/$program"
        chmod 755 "$scratch/root/$program"
    done
}

# A unit is valid, and there is no word about it either. There may be words about those of the system.
verify() {
    local words
    words=$(systemd-analyze verify --man=no --root="$scratch/root" "$1" 2>&1) || { echo "$words" && return 1; }
    echo "$words"
    ! grep -F "loghamster" <<<"$words"
}

# exposure UNIT TENTHS: less exposed than this many tenths. The tool compares with what it has not rounded.
exposure() {
    systemd-analyze security --no-pager --offline=yes --threshold="$2" "$units/$1"
}

# has UNIT LINE: this line and no other of the same setting.
has() {
    [ "$(grep "^${2%%=*}=" "$units/$1")" = "$2" ]
}

if ! command -v systemd-analyze >/dev/null; then
    # Visible in the log, and no failure: there are systems without it.
    echo 'skipped - systemd-analyze is not installed: the units are not tested'
    echo 'ok - nothing to test'
    echo '1 passed, 0 failed'
    exit 0
fi

units=$scratch/root/usr/lib/systemd/system
check 'the units are installed' install_units
for unit in loghamsterd.service loghamsterd.socket loghamsterc.service; do
    check "$unit is a valid unit" verify "$unit"
done
check 'the server is exposed less than 1.5' exposure loghamsterd.service 15
check 'the client is exposed less than 2.0' exposure loghamsterc.service 20
check 'the server has no capability' has loghamsterd.service CapabilityBoundingSet=
check 'the client has one' has loghamsterc.service CapabilityBoundingSet=CAP_DAC_READ_SEARCH

# A unit that is wrong has to be found, or the checks above say nothing.
sed 's/^Type=.*/Type=nonsense/' "$units/loghamsterd.service" >"$units/loghamster-wrong.service"
check 'a wrong unit is noticed' fails verify loghamster-wrong.service
grep -v '^ProtectSystem=' "$units/loghamsterd.service" | grep -v '^SystemCall' >"$units/open.service"
check 'an open one too' fails exposure open.service 15

if command -v systemd-sysusers >/dev/null; then
    install -d "$scratch/root/etc"
    check 'the users are made' systemd-sysusers --root="$scratch/root" loghamsterd.conf loghamsterc.conf
    for user in loghamsterd loghamsterc; do
        check "$user can't log in" grep -Eq "^$user:x:[0-9]+:[0-9]+:.*:/var/lib/$user:/usr/sbin/nologin\$" \
            "$scratch/root/etc/passwd"
        check "$user.service runs as $user" has "$user.service" "User=$user"
    done
else
    echo 'skipped - systemd-sysusers is not installed: the users are not tested'
fi

report

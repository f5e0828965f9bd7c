#!/usr/bin/env bash
# What test-packages.sh runs inside a booted Debian, as root, with the packages in /packages/1 and /packages/2.
# Prints "ok - …" or "not ok - …" for each sentence; the host counts them.
set -uo pipefail

readonly stored=/var/log/loghamster/web1/var/log
output=$(mktemp)

# check SENTENCE COMMAND...: the command succeeds.
check() {
    local sentence=$1
    shift
    mv "$output" "$output.before"
    if "$@" >"$output" 2>&1; then
        printf 'ok - %s\n' "$sentence"
    else
        printf 'not ok - %s\n' "$sentence"
        tail -n 20 "$output" | sed 's/^/    /'
    fi
}

# said TEXT: what was checked before printed it.
said() { grep -F -- "$1" "$output.before"; }

fails() { ! "$@"; }

# Succeeds once the command does, and fails after a minute.
eventually() {
    local deadline=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "not within a minute: $*"
            "$@"
            return 1
        fi
        sleep 0.1
    done
}

property() { systemctl show --property="$2" --value "$1"; }
is() { [ "$(property "$1" "$2")" = "$3" ]; }
is_not() { ! is "$@"; }
# Of a running unit, a line of /proc/PID/status.
process() { grep -Eq "$2" "/proc/$(property "$1" MainPID)/status"; }
journal() { journalctl --quiet --no-pager --unit="$1" --output=cat; }
logged() { journal "$1" | grep -q "$2"; }
same() { cmp "$1" "$2"; }
arrives() { eventually same "/var/log/$1" "$stored/$1"; }

# --- installing ---------------------------------------------------------------

install_packages() {
    local side letter
    check 'both packages are installed' dpkg --install /packages/1/*.deb
    check 'they say what to do next' said 'systemctl enable --now loghamsterd'
    for side in client:c server:d; do
        letter=${side#*:} side=${side%:*}
        check "loghamster-$side has its user" id "loghamster$letter"
        check "loghamster-$side has its configuration" test -f "/etc/loghamster/$side.toml"
        check "loghamster$letter isn't enabled before it has a key" \
            fails systemctl is-enabled --quiet "loghamster$letter"
        check "loghamster$letter isn't started before it has a key" fails systemctl is-active --quiet "loghamster$letter"
    done
    check 'no key was made' fails ls /etc/loghamster/*.key
    check 'systemd has no word about the units' is_silent systemd-analyze verify --man=no \
        loghamsterd.service loghamsterd.socket loghamsterc.service
}

is_silent() { [ -z "$("$@" 2>&1 | tee /dev/stderr)" ]; }

# As docs/operations.md says.
make_certificates() {
    local ca=/usr/share/loghamster/certs/ca pki=/etc/loghamster/pki
    export LOGHAMSTER_CA=$pki
    "$ca" init && "$ca" server localhost --out server || return
    install -m 644 "$pki"/{ca,server}.pem /etc/loghamster &&
        install -m 640 -o root -g loghamsterd "$pki/server.key" /etc/loghamster &&
        chgrp loghamsterd "$pki" "$pki/ca.key" && chmod 750 "$pki" && chmod 640 "$pki/ca.key"
}

# With lives so short that the client renews while it is looked at.
allow_enrolment() {
    sed -i -E 's/^# (\[enroll\]|ca = |key = |valid = |crl = )/\1/; s/^valid = "30d"/valid = "40s"/' \
        /etc/loghamster/server.toml
}

enrol() {
    loghamsterd enroll web1 --config /etc/loghamster/server.toml | loghamsterc enroll localhost:7007
}

choose_inputs() {
    sed -i '/^\[\[input\]\]/,$d' /etc/loghamster/client.toml &&
        printf '[[input]]\npath = "/var/log/app.log"\n' >>/etc/loghamster/client.toml
}

# belongs PATH USER:GROUP:MODE
belongs() { stat -c %U:%G:%a "$1" && [ "$(stat -c %U:%G:%a "$1")" = "$2" ]; }

identity_is_safe() {
    check 'key and certificate are in a folder of the client alone' \
        belongs /etc/loghamster/identity loghamsterc:loghamsterc:700
    check 'and only the client may read them' belongs /etc/loghamster/identity/client.pem loghamsterc:loghamsterc:600
    check 'nothing is left half done' is_silent find /etc/loghamster -name '*.new' -o -name '*.pending*'
}

start() {
    check 'certificates are made with the CA of the package' make_certificates
    check 'hosts may enrol' allow_enrolment
    check 'the server is started' systemctl enable --now --quiet loghamsterd
    check 'the server is ready' systemctl is-active loghamsterd
    check 'the host enrols' enrol
    identity_is_safe
    check 'the configuration is for everybody to read' belongs /etc/loghamster/client.toml root:root:644
    check 'what was issued is written down by the server' \
        belongs /var/lib/loghamsterd/enroll/audit.jsonl loghamsterd:loghamsterd:640
    check 'the tokens are the server'"'"'s alone' belongs /var/lib/loghamsterd/enroll/tokens loghamsterd:loghamsterd:700
    check 'the files are chosen' choose_inputs
    check 'the client is started' systemctl enable --now --quiet loghamsterc
    check 'the client is ready' systemctl is-active loghamsterc
}

# --- at work ------------------------------------------------------------------

sandboxes() {
    local unit
    for unit in loghamsterd loghamsterc; do
        check "$unit runs as its user" is "$unit" User "$unit"
        check "$unit filters system calls" process "$unit" '^Seccomp:\s*2$'
        check "$unit can't gain rights" process "$unit" '^NoNewPrivs:\s*1$'
        check "$unit sees a system that it can't write to" \
            grep -Eq ' / ro[, ]' "/proc/$(property "$unit" MainPID)/mountinfo"
    done
    check 'the server has no capability' process loghamsterd '^CapEff:\s*0+$'
    # CAP_DAC_READ_SEARCH is the third.
    check 'the client has one' process loghamsterc '^CapEff:\s*0*4$'
    check 'with which it can'"'"'t read the key of the CA' \
        fails test -e "/proc/$(property loghamsterc MainPID)/root/etc/loghamster/pki/ca.key"
}

# A file that only root may read, since logs are.
shipping() {
    (umask 077 && seq -f 'first line %.0f' 100000 >/var/log/app.log)
    check 'a file is shipped over mutual TLS' arrives app.log
    check 'the server says so at its own place' asks loghamsterd '/var/log/app.log'
    check 'and so does the client' asks loghamsterc '/var/log/app.log'
    check 'nothing is stored where it should not be' test ! -e /var/lib/loghamster
}

asks() {
    local configuration=client
    if [ "$1" = loghamsterd ]; then configuration=server; fi
    "$1" status --config "/etc/loghamster/$configuration.toml" | grep -F -- "$2"
}

reloading() {
    local before
    before=$(property loghamsterc MainPID)
    printf '\n[[input]]\npath = "/var/log/second.log"\n' >>/etc/loghamster/client.toml
    echo 'second' >/var/log/second.log
    check 'a reload of the client succeeds' systemctl reload loghamsterc
    check 'and takes a new input up' arrives second.log
    check 'without a restart' is loghamsterc MainPID "$before"

    before=$(property loghamsterd MainPID)
    check 'a reload of the server succeeds' systemctl reload loghamsterd
    cp /etc/loghamster/server.toml /root/server.toml
    echo 'nonsense = 1' >>/etc/loghamster/server.toml
    check 'a reload of a wrong configuration fails' fails systemctl reload loghamsterd
    check 'and the log says why' logged loghamsterd nonsense
    cp /root/server.toml /etc/loghamster/server.toml
    echo 'after the reload' >>/var/log/app.log
    check 'the server goes on as before' arrives app.log
    check 'and was not restarted' is loghamsterd MainPID "$before"
}

# --- certificates -------------------------------------------------------------

serial() { openssl x509 -in /etc/loghamster/identity/client.pem -noout -serial | cut -d = -f 2; }
has_another_serial() { [ "$(serial)" != "$1" ]; }
lasts_a_day() { openssl x509 -in /etc/loghamster/identity/client.pem -noout -checkend 86400; }
audited() { loghamsterd enroll --audit --config /etc/loghamster/server.toml | grep -F -- "$1"; }

lengthen_lives() {
    sed -i 's/^valid = "40s"/valid = "30d"/' /etc/loghamster/server.toml && systemctl reload loghamsterd
}

renewing_itself() {
    local client first
    client=$(property loghamsterc MainPID) first=$(serial)
    check 'the client gets its next certificate' eventually has_another_serial "$first"
    check 'and says so' logged loghamsterc 'certificate is renewed'
    check 'the server has written it down' audited renewed
    identity_is_safe
    check 'lives are made long' lengthen_lives
    check 'and the next certificate has one' eventually lasts_a_day
    # By now the first one has ended, or will before the streams do.
    echo 'after the renewals' >>/var/log/app.log
    check 'files arrive with it' arrives app.log
    check 'without a restart of the client' is loghamsterc MainPID "$client"
}

shows_certificate() {
    openssl s_client -connect localhost:7007 -CAfile /etc/loghamster/ca.pem </dev/null 2>/dev/null |
        openssl x509 -noout -serial | grep -F "$(openssl x509 -noout -serial -in /etc/loghamster/pki/server.pem)"
}

renew_certificates() {
    local pki=/etc/loghamster/pki
    LOGHAMSTER_CA=$pki /usr/share/loghamster/certs/ca server localhost --out server --force &&
        install -m 640 -o root -g loghamsterd "$pki/server.key" /etc/loghamster &&
        install -m 644 "$pki/server.pem" /etc/loghamster
}

renewing() {
    local before
    before=$(property loghamsterd MainPID)
    check 'certificate and key are renewed' renew_certificates
    check 'the server shows the new one' eventually shows_certificate
    check 'without a restart of it' is loghamsterd MainPID "$before"
}

# --- in trouble ---------------------------------------------------------------

# is_another UNIT PID: it is active again, as another process.
is_another() { is "$1" ActiveState active && is_not "$1" MainPID "$2"; }

killing() {
    local unit before
    for unit in loghamsterd loghamsterc; do
        before=$(property "$unit" MainPID)
        kill -KILL "$before"
        check "$unit is restarted after a kill" eventually is_another "$unit" "$before"
    done
    echo 'after the kills' >>/var/log/app.log
    check 'no line is lost by the kills' arrives app.log
}

# The units' own times are minutes.
shorten_watchdogs() {
    local unit
    for unit in loghamsterd loghamsterc; do
        install -d "/run/systemd/system/$unit.service.d"
        printf '[Service]\nWatchdogSec=4s\n' >"/run/systemd/system/$unit.service.d/test.conf"
    done
    systemctl daemon-reload && systemctl restart loghamsterd loghamsterc
}

watching() {
    local unit before
    check 'the watchdogs are made impatient' shorten_watchdogs
    for unit in loghamsterd loghamsterc; do
        before=$(property "$unit" MainPID)
        kill -STOP "$before"
        check "$unit that stands still is restarted" eventually is_another "$unit" "$before"
        check "by its watchdog" logged "$unit" 'Watchdog timeout'
    done
    echo 'after the watchdogs' >>/var/log/app.log
    check 'no line is lost by the watchdogs' arrives app.log
    rm -r /run/systemd/system/loghamster{c,d}.service.d && systemctl daemon-reload
}

connects() { (exec 3<>/dev/tcp/localhost/7007); }

activating() {
    check 'the server is stopped' systemctl stop loghamsterd
    check 'and its port is closed' fails connects
    check 'systemd takes the port' systemctl enable --now --quiet loghamsterd.socket
    check 'a connection is not refused' connects
    check 'and starts the server' eventually systemctl is-active loghamsterd
    echo 'after the activation' >>/var/log/app.log
    check 'files arrive by the socket' arrives app.log
    systemctl restart loghamsterd &
    check 'none is refused during a restart' connects
    wait
    echo 'after the restart' >>/var/log/app.log
    check 'and they go on arriving after it' arrives app.log
}

# --- beside others ------------------------------------------------------------

rotated_is_whole() { cat "$stored"/app.log-* "$stored/app.log" | cmp - /var/log/app.log; }

rotating() {
    check 'logrotate rotates what is stored' logrotate --force /etc/logrotate.d/loghamster-server
    check 'one file of each output' test -f "$stored/app.log-$(date +%Y%m%d)"
    echo 'after the rotation' >>/var/log/app.log
    check 'what comes then goes into the new one' eventually grep -q 'after the rotation' "$stored/app.log"
    check 'and nothing is lost or twice' rotated_is_whole
    check 'the new one is the server'"'"'s' test "$(stat -c %U:%a "$stored/app.log")" = loghamsterd:640
}

# The example, with a key that nobody but root may read.
use_credential() {
    local examples=/usr/share/doc/loghamster-server/examples
    chown root:root /etc/loghamster/server.key && chmod 600 /etc/loghamster/server.key &&
        install -D -m 644 "$examples/loghamsterd-credentials.conf" \
            /etc/systemd/system/loghamsterd.service.d/credentials.conf &&
        sed -i '0,/^key = /s|^key = .*|key = "/run/credentials/loghamsterd.service/server.key"|' /etc/loghamster/server.toml &&
        systemctl daemon-reload && systemctl restart loghamsterd
}

give_key_back() {
    rm -r /etc/systemd/system/loghamsterd.service.d &&
        cp /root/server.toml /etc/loghamster/server.toml &&
        chown root:loghamsterd /etc/loghamster/server.key && chmod 640 /etc/loghamster/server.key &&
        systemctl daemon-reload && systemctl restart loghamsterd
}

handing_on() {
    check 'the key can be a credential of systemd' use_credential
    check 'which a reload does not ask for' systemctl reload loghamsterd
    check 'and a file again' give_key_back
}

# By hand, as docs/operations.md says.
bring_certificate() {
    local pki=/etc/loghamster/pki
    LOGHAMSTER_CA=$pki /usr/share/loghamster/certs/ca client web1 --out client &&
        install -m 644 "$pki/client.pem" /etc/loghamster &&
        install -m 640 -o root -g loghamsterc "$pki/client.key" /etc/loghamster &&
        sed -i -e 's|/identity/client.pem"|/client.pem"|' -e '/^key = /s|client.pem|client.key|' -e '/^renew = /d' \
            /etc/loghamster/client.toml &&
        systemctl restart loghamsterc
}

revoking() {
    local serial
    serial=$(serial)
    check 'a certificate is revoked' loghamsterd enroll --revoke "$serial" --config /etc/loghamster/server.toml
    check 'the server reads its list again' systemctl reload loghamsterd
    check 'and ends the streams of the host' eventually logged loghamsterd 'was revoked'
    echo 'after the revocation' >>/var/log/app.log
    check 'which is refused when it comes again' eventually logged loghamsterc 'certificate revoked'
    check 'so that nothing more is stored' fails grep -q 'after the revocation' "$stored/app.log"
    check 'that is written down' audited 'certificate revoked'
    check 'also where certs/ca looks' grep -q "^R.*$serial" /etc/loghamster/pki/db/index.txt
    check 'a certificate of certs/ca is brought in its place' bring_certificate
    check 'with which files arrive' eventually grep -q 'after the revocation' "$stored/app.log"
}

# --- upgrading, removing ------------------------------------------------------

write_lines() {
    local number=0
    until [ -e /run/enough ]; do
        echo "line $((number += 1)) of many" >>/var/log/many.log
        sleep 0.005
    done
}

upgrading() {
    local server client socket
    printf '\n[[input]]\npath = "/var/log/many.log"\n' >>/etc/loghamster/client.toml
    systemctl reload loghamsterc
    write_lines &
    check 'lines arrive before the upgrade' eventually test -s "$stored/many.log"
    server=$(property loghamsterd MainPID) client=$(property loghamsterc MainPID)
    socket=$(property loghamsterd.socket ActiveEnterTimestampMonotonic)
    check 'both packages are upgraded' dpkg --install /packages/2/*.deb
    check 'the new server runs' is_another loghamsterd "$server"
    check 'and the new client' is_another loghamsterc "$client"
    check 'while systemd held the port' is loghamsterd.socket ActiveEnterTimestampMonotonic "$socket"
    check 'the configuration is still ours' grep -q many.log /etc/loghamster/client.toml
    touch /run/enough
    wait
    check 'no line is lost by the upgrade' arrives many.log
    check 'and none is twice' test "$(sort "$stored/many.log" | uniq --repeated)" = ''
}

removing() {
    check 'the packages are removed' dpkg --remove loghamster-client loghamster-server
    check 'nothing runs any more' fails systemctl is-active --quiet loghamsterd.service loghamsterd.socket loghamsterc.service
    check 'the configuration stays' test -f /etc/loghamster/server.toml -a -f /etc/loghamster/client.toml
    check 'they are installed again' dpkg --install /packages/2/*.deb
    check 'and are enabled as before' systemctl is-enabled loghamsterd.service loghamsterd.socket loghamsterc.service
    systemctl start loghamsterd loghamsterc
    echo 'after the removal' >>/var/log/many.log
    check 'no line is lost by it' arrives many.log
}

purging() {
    local file sum
    sum=$(cat "$stored"/*.log | sha256sum)
    check 'the packages are purged' dpkg --purge loghamster-client loghamster-server
    check 'it says what it leaves' said '/var/log/loghamster is left as it is'
    check 'configurations are gone' test ! -e /etc/loghamster/server.toml -a ! -e /etc/loghamster/client.toml
    check 'logrotate is not asked any more' test ! -e /etc/logrotate.d/loghamster-server
    for file in server.key client.key server.pem ca.pem pki/ca.key identity/client.pem; do
        check "$file stays" test -s "/etc/loghamster/$file"
    done
    check 'what was stored stays' test "$(cat "$stored"/*.log | sha256sum)" = "$sum"
    check 'and its journal' test -n "$(ls -A /var/lib/loghamsterd)"
    check 'no unit is left' fails systemctl cat loghamsterd.service loghamsterc.service
    check 'none is left enabled' is_silent find /etc/systemd/system -name 'loghamster*'
    check 'nothing has failed meanwhile' is_silent systemctl list-units --failed --no-legend 'loghamster*'
}

main() {
    install_packages
    start
    sandboxes
    shipping
    renewing_itself
    reloading
    renewing
    killing
    watching
    activating
    handing_on
    upgrading
    removing
    rotating
    revoking
    purging
    echo 'the end'
}
main

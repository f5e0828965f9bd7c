#!/usr/bin/env bash
# Tests of certs/ca with the openssl command as the judge. The last line is "N passed, N failed".
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
. Tests/shell/checks.sh
unset LOGHAMSTER_CA

# --- checking -----------------------------------------------------------------

# refused STATUS WORDS COMMAND...: one line of the agreed form, with these words in it, and this exit status.
refused() {
    local status=$1 words=$2 actual
    shift 2
    "$@" >"$scratch/stdout" 2>"$scratch/stderr"
    actual=$?
    cat "$scratch/stdout" "$scratch/stderr"
    printf 'exit status %s\n' "$actual"
    [ "$actual" -eq "$status" ] && [ "$(wc -l <"$scratch/stderr")" -eq 1 ] &&
        grep -Eq '^certs/ca: .+: .+: .+' "$scratch/stderr" && grep -Fq -- "$words" "$scratch/stderr"
}

unchanged() {
    local before after
    before=$(picture "$1")
    shift
    "$@" >"$scratch/ignored" 2>&1
    after=$(picture "$pki")
    diff <(printf '%s\n' "$before") <(printf '%s\n' "$after")
}

# Every file below a folder with its mode and its content's hash; the lock file is no content.
picture() {
    (cd "$1" && find . ! -name lock -printf '%m %p\n' | sort && find . -type f ! -name lock -exec sha256sum {} + | sort)
}

mode() {
    [ "$(stat -c %a "$1")" = "$2" ]
}

shows() {
    openssl x509 -in "$1" -noout -text | tr '\n' ' ' | tr -s ' ' | grep -Fq -- "$2"
}

# Three arguments: purpose, certificate, more options.
verifies() {
    local purpose=$1 certificate=$2
    shift 2
    openssl verify -x509_strict -purpose "$purpose" -CAfile "$pki/ca.pem" "$@" "$certificate"
}

# Between the first second and the last of a certificate are at most so many days.
lastsAtMost() {
    local start end
    start=$(openssl x509 -in "$2" -noout -startdate | cut -d= -f2)
    end=$(openssl x509 -in "$2" -noout -enddate | cut -d= -f2)
    [ $(($(date -d "$end" +%s) - $(date -d "$start" +%s))) -le $(($1 * 86400)) ]
}

sameKey() {
    [ "$(openssl x509 -in "$1.pem" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout)" ]
}

listed() {
    certs/ca --dir "$pki" list | tr -s ' ' | grep -Eq "$1"
}

nothingLeftOver() {
    [ -z "$(find "$pki" -name '.work.*')" ]
}

# --- init ---------------------------------------------------------------------

pki="$scratch/a folder with \$, # and spaces"
ca() { certs/ca --dir "$pki" "$@"; }

check 'nothing is issued without a CA' refused 1 'there is no CA' ca server localhost
check 'init makes a CA' ca init --name 'Köln / Test+1'
check 'the CA certifies itself strictly' openssl verify -x509_strict -CAfile "$pki/ca.pem" "$pki/ca.pem"
check 'the CA may sign certificates and lists' shows "$pki/ca.pem" 'X509v3 Key Usage: critical Certificate Sign, CRL Sign'
check 'the CA signs no further CA' shows "$pki/ca.pem" 'X509v3 Basic Constraints: critical CA:TRUE, pathlen:0'
check 'the CA is P-256 with SHA-256' shows "$pki/ca.pem" 'Signature Algorithm: ecdsa-with-SHA256'
check 'init writes an empty list of revocations' \
    grep -q 'No Revoked Certificates' <(openssl crl -in "$pki/crl.pem" -noout -text)
check 'the list is signed by the CA' openssl crl -in "$pki/crl.pem" -noout -CAfile "$pki/ca.pem"
check 'the key of the CA is for its owner alone' mode "$pki/ca.key" 600
check 'the folder of the CA is for its owner alone' mode "$pki" 700
check 'a second init is refused' refused 1 'it exists' ca init
check 'a refused init changes nothing' unchanged "$pki" ca init

# --- server and client --------------------------------------------------------

check 'a server certificate is issued' ca server Log.Example.com 127.0.0.1 '[2001:DB8::1]' '*.example.org'
server="$pki/log.example.com.pem"
check 'it is good for a TLS server' verifies sslserver "$server"
check 'it is no good for a TLS client' fails verifies sslclient "$server"
check 'it is known by its host name' verifies sslserver "$server" -verify_hostname log.example.com
check 'it is known by the pattern' verifies sslserver "$server" -verify_hostname a.example.org
check 'it is known by its IPv4 address' verifies sslserver "$server" -verify_ip 127.0.0.1
check 'it is known by its IPv6 address' verifies sslserver "$server" -verify_ip 2001:db8::1
check 'it is not known by another name' fails verifies sslserver "$server" -verify_hostname example.com
check 'its only purpose is TLS server' shows "$server" 'X509v3 Extended Key Usage: TLS Web Server Authentication X509v3'
check 'its key may sign and nothing else' shows "$server" 'X509v3 Key Usage: critical Digital Signature X509v3'
check 'it is no CA' shows "$server" 'X509v3 Basic Constraints: critical CA:FALSE'
check 'it names the key of its CA' shows "$server" 'X509v3 Authority Key Identifier:'
check 'it names its own key' shows "$server" 'X509v3 Subject Key Identifier:'
check 'its common name is the first name' shows "$server" 'Subject: CN = log.example.com Subject Public'
check 'its key is for its owner alone' mode "$pki/log.example.com.key" 600
check 'its key is the one that it certifies' sameKey "$pki/log.example.com"

check 'a client certificate is issued' ca client web1
client="$pki/web1.pem"
check 'it is good for a TLS client' verifies sslclient "$client"
check 'it is no good for a TLS server' fails verifies sslserver "$client"
check 'its host is in the alternative names' shows "$client" 'X509v3 Subject Alternative Name: DNS:web1'
check 'a client that sends as an address is issued' ca client 10.0.0.1
check 'the address is in the alternative names' shows "$pki/10.0.0.1.pem" 'X509v3 Subject Alternative Name: IP Address:10.0.0.1'
check 'two certificates have different serials' \
    fails test "$(openssl x509 -in "$client" -noout -serial)" = "$(openssl x509 -in "$server" -noout -serial)"
check 'a serial is long enough to be random' \
    test "$(openssl x509 -in "$client" -noout -serial | wc -c)" -ge 44

long=$(printf 'a%.0s' $(seq 60)).$(printf 'b%.0s' $(seq 60)).example.com
check 'a host name too long for a common name is issued' ca client "$long"
check 'it stands in the alternative names' shows "$pki/$long.pem" "DNS:$long"
check 'it verifies strictly' verifies sslclient "$pki/$long.pem"

# --- nothing is overwritten, nothing is left half -----------------------------

check 'a second certificate of one name is refused' refused 1 'it exists' ca client web1
check 'the refusal changes nothing' unchanged "$pki" ca client web1
before=$(cat "$client")
check '--force replaces it' ca client web1 --force
check 'the new one is another' fails test "$before" = "$(cat "$client")"
check 'the new key belongs to it' sameKey "$pki/web1"
check 'a server of a client'\''s name is refused' refused 1 "kind 'client'" ca server web1
check 'even with --force' refused 1 "kind 'client'" ca server web1 --force
check 'another file name is taken' ca server web1 --out web1-server
check 'it is under that name' verifies sslserver "$pki/web1-server.pem" -verify_hostname web1
check 'a lone key is not overwritten' bash -c "touch '$scratch/lone.key'; cp '$scratch/lone.key' \"\$1/lone.key\"" _ "$pki"
check 'but refused' refused 1 'lone.key: it exists' ca client lone
mkdir "$pki/folder.key"
check 'a folder in the place of a key is refused' refused 1 "can't be written" ca client folder --force
check 'no certificate is left from that' fails test -e "$pki/folder.pem"
rmdir "$pki/folder.key"
chmod 600 "$pki/ca.key" && mv "$pki/ca.key" "$pki/ca.away" && echo nonsense >"$pki/ca.key"
check 'a damaged CA key is one line' refused 1 'web9' ca client web9
check 'and leaves nothing' unchanged "$pki" ca client web9
mv "$pki/ca.away" "$pki/ca.key"
check 'the names of the CA'\''s own files are refused' refused 1 'file of the CA' ca client ca

while IFS='|' read -r words status arguments; do
    read -ra list <<<"$arguments"
    check "refused: $arguments" refused "$status" "$words" ca "${list[@]}"
done <<'TABLE'
neither a host name|1|server under/score
no such option|64|server -- x
neither a host name|1|server a..b
neither a host name|1|server 256.1.1.1
neither a host name|1|server ::g
neither a host name|1|server name,DNS:evil
neither a host name|1|server a b c $(id)
not for a pattern|1|client *.example.com
no name was given|64|server
there is no such option|64|server a --frce
has no such option|64|list --days 3
no such command|64|serve a
a number from 1 to 9999|64|server a --days 0
its value is missing|64|server a --days
it is not a date|64|server a --not-after someday
before it begins|64|server a --not-before 2030-01-02 --not-after 2030-01-01
a file name is of|1|server a --out ../a
it takes one name|64|revoke a b
no such certificate|1|revoke nobody
TABLE
check 'no usage error left anything behind' nothingLeftOver

# --- dates --------------------------------------------------------------------

check 'an expired certificate can be made' ca client expired --not-before 2020-01-01 --not-after 20200201000000Z
check 'it is expired' fails verifies sslclient "$pki/expired.pem"
check 'and only that is wrong with it' verifies sslclient "$pki/expired.pem" -no_check_time
check 'a certificate of the future can be made' ca client future --not-before '+2 days' --not-after '+3 days'
check 'it is not valid yet' fails verifies sslclient "$pki/future.pem"
check '--days is kept' ca client week --days 7
check 'it holds for a week' openssl x509 -in "$pki/week.pem" -noout -checkend $((6 * 86400))
check 'and no longer' fails openssl x509 -in "$pki/week.pem" -noout -checkend $((8 * 86400))
check 'a certificate of the usual kind can be made' ca server usual
check 'it lasts no longer than the strictest systems take' lastsAtMost 825 "$pki/usual.pem"
check 'the list of certificates says what is expired' listed '^expired client .* expired '

# --- revocation ---------------------------------------------------------------

crlCheck() { verifies sslclient "$1" -crl_check -CRLfile "$pki/crl.pem"; }
check 'before it is revoked, a certificate passes with the list' crlCheck "$client"
check 'a certificate is revoked by its name' ca revoke web1
check 'then it does not pass' fails crlCheck "$client"
check 'others still do' crlCheck "$pki/week.pem"
check 'it is revoked once' refused 1 'it was revoked on' ca revoke web1
check 'list says so' listed '^web1 client .* revoked '
cp "$pki/week.pem" "$scratch/copy"
check 'a certificate is revoked by its file' ca revoke "$scratch/copy"
check 'then it does not pass either' fails crlCheck "$pki/week.pem"
check 'the list is made anew' ca crl --days 9
check 'it ends when it was told to' listed "^crl.pem crl $(date -u -d '9 days' +%Y-%m-%d) "
check 'it still names both' test "$(openssl crl -in "$pki/crl.pem" -noout -text | grep -c 'Serial Number')" -eq 2
check 'a key can not be revoked' refused 1 'not a certificate' ca revoke "$pki/web1.key"
check 'a revoked name can be issued again' ca client web1 --force
check 'and passes' crlCheck "$client"
own=$pki
pki=$scratch/other
check 'another CA is made' ca init
check 'it revokes no certificate that it did not issue' refused 1 'did not issue it' ca revoke "$client"
check 'and its list stays empty' grep -q 'No Revoked' <(openssl crl -in "$pki/crl.pem" -noout -text)
check 'the certificate does not verify with the other CA' fails verifies sslclient "$own/web1.pem"

# --- a CA that is replaced, a CA that ends ------------------------------------

check 'init --force makes a new CA' ca init --force --days 10
check 'the old one is kept aside' test -f "$(find "$pki" -path '*replaced-*/ca.key')"
check 'a certificate ends with its CA' ca client short
check 'at the same second' \
    test "$(openssl x509 -in "$pki/short.pem" -noout -enddate)" = "$(openssl x509 -in "$pki/ca.pem" -noout -enddate)"
check 'a CA of the past can be made' ca init --force --not-before 2020-01-01 --not-after 2021-01-01
check 'it issues nothing more by itself' refused 1 'the CA ended on' ca client late

# --- two at once --------------------------------------------------------------

pki=$scratch/busy
certs/ca --dir "$pki" init >"$scratch/ignored"
pids=()
for number in 1 2 3 4 5 6; do
    certs/ca --dir "$pki" client "host$number" >"$scratch/ignored.$number" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
check 'six at once are all recorded' test "$(wc -l <"$pki/db/index.txt")" -eq 6
check 'nothing is left over' nothingLeftOver
check 'the folder comes from the environment' \
    env LOGHAMSTER_CA="$pki" certs/ca client from-environment
check 'and the certificate is there' test -f "$pki/from-environment.pem"

report

#!/usr/bin/env bash
# Tests of the Debian packages: what lintian says, and how they fare on a Debian that is made with debootstrap and booted
# with systemd-nspawn, in namespaces of its own and without a network. The last line is "N passed, N failed".
# The Debian is made once, of the mirror that this machine uses, and kept in /var/cache/loghamster-test. LOGHAMSTER_CACHE and
# LOGHAMSTER_MIRROR say otherwise.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
readonly suite=bookworm
readonly cache=${LOGHAMSTER_CACHE:-/var/cache/loghamster-test}
readonly packages=systemd,systemd-sysv,openssl,libssl3,zlib1g,logrotate
readonly makeSeconds=600 bootSeconds=480
# Another list of packages is another archive.
archive=$cache/$suite-$(printf '%s' "$packages" | sha256sum | cut -c 1-12).tar

# A root of a system is large, and /tmp may be in memory.
export TMPDIR=/var/tmp
. Tests/shell/checks.sh
root=$scratch/root

# What is missing for the tests, if anything.
missing() {
    local tool
    [ "$(id -u)" -eq 0 ] || echo 'the rights of root'
    for tool in debootstrap systemd-nspawn dpkg-buildpackage dh lintian unshare; do
        command -v "$tool" >/dev/null || echo "$tool"
    done
}

# Two revisions of the same programs; the first one is made last, and stays in .build/deb.
make_packages() {
    local revision
    make -s build || return
    for revision in 2 1; do
        REVISION=$revision scripts/deb || return
        install -D -m 644 -t "$scratch/packages/$revision" .build/deb/*.deb || return
    done
}

depends_on() {
    [ "$(dpkg-deb --field "$scratch/packages/1/loghamster-$1"_*.deb Depends | sed 's/ ([^)]*)//g')" = "$2" ]
}

# What is mounted here is nobody else's, and gone with the last process.
alone() { unshare --mount --propagation private "$@"; }

# Where this machine has its own packages of the suite from; nothing: debootstrap knows one.
mirror() {
    # shellcheck disable=SC2016 # The fields are apt's.
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | sort -u | head -n 1
}

# In memory, since it is thrown away when it is packed.
make_debian() {
    # shellcheck disable=SC2016 # The arguments are the inner shell's.
    alone timeout --kill-after=10 "$makeSeconds" bash -euc '
        mount -t tmpfs -o mode=755 tmpfs "$1"
        debootstrap --variant=minbase --include="$4" "$3" "$1/root" ${5:+"$5"}
        rm -rf "$1"/root/var/cache/apt/* "$1"/root/var/lib/apt/lists/*
        tar --create --file "$2" --directory "$1/root" --one-file-system --numeric-owner --xattrs --exclude=./dev/* .
    ' make "$scratch/memory" "$archive.$$" "$suite" "$packages" "${LOGHAMSTER_MIRROR:-$(mirror)}"
}

provide_debian() {
    local started=$SECONDS
    install -d -m 755 "$cache" "$scratch/memory" || return
    exec 9>"$cache/lock" && flock 9 || return
    if [ ! -e "$archive" ]; then
        make_debian && mv "$archive.$$" "$archive" || return
        echo "packages: made the Debian in $((SECONDS - started)) s" >"$scratch/made"
    fi
    exec 9>&-
}

# A copy, with what is to be done in it at the next boot.
prepare_root() {
    install -d -m 755 "$root/etc/systemd/system/multi-user.target.wants" "$scratch/results" &&
        tar --extract --file "$archive" --directory "$root" --numeric-owner --xattrs &&
        cp -r "$scratch/packages" Tests/packages/guest.sh "$root/" &&
        cp Tests/packages/guest.service "$root/etc/systemd/system/" &&
        ln -s ../guest.service "$root/etc/systemd/system/multi-user.target.wants/guest.service" &&
        printf '127.0.0.1 localhost web1\n' >"$root/etc/hosts" &&
        # Nothing but the loopback is there to wait for.
        ln -s /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service" &&
        rm -f "$root/etc/machine-id" "$root/etc/resolv.conf" "$root/etc/hostname"
}

# nspawn keeps records of its own in /run, which is ours: not that of this machine.
boot() {
    # shellcheck disable=SC2016 # The arguments are the inner shell's.
    alone bash -euc '
        mount -t tmpfs -o mode=755 tmpfs /run
        exec timeout --kill-after=20 "$3" systemd-nspawn --quiet --directory="$1" --boot --register=no --keep-unit \
            --private-network --hostname=web1 --bind="$2":/results --link-journal=no --resolv-conf=off --timezone=off \
            --console=pipe </dev/null
    ' boot "$root" "$scratch/results" "$bootSeconds"
}

# Each line of the guest counts here.
count_results() {
    local results=$scratch/results/guest.txt
    touch "$results"
    grep -v '^the end$' "$results"
    passed=$((passed + $(grep -c '^ok - ' "$results")))
    failed=$((failed + $(grep -c '^not ok - ' "$results")))
    check 'the Debian has done all of it' grep -q '^the end$' "$results"
    if [ "$failed" -gt 0 ] && [ -e "$scratch/results/journal.txt" ]; then
        echo '--- the end of its journal'
        tail -n 80 "$scratch/results/journal.txt"
    fi
}

test_packages() {
    local side
    check 'the packages are made' make_packages
    for side in client server; do
        check "loghamster-$side depends on three libraries" depends_on "$side" 'libc6, libssl3, zlib1g'
    done
    check 'lintian finds no error' lintian --fail-on error --allow-root .build/deb/*.changes
    check 'there is a Debian to boot' provide_debian
    if [ -e "$scratch/made" ]; then cat "$scratch/made"; fi
    check 'it gets the packages' prepare_root
    check 'it boots, and ends by itself' boot
    count_results
}

wanted=$(missing)
if [ -z "$wanted" ]; then
    test_packages
elif [ -n "${CI:-}" ]; then
    check "CI has all that the test of the packages needs, but for ${wanted//$'\n'/, }" false
else
    # Visible in the log, and no failure: not everybody is root.
    echo "skipped - the packages are not tested without ${wanted//$'\n'/, }"
    check 'nothing to test' true
fi
report

# Every target sets up what it needs. "make help" lists them.

PREFIX = /usr/local
DESTDIR =
SWIFT = swift
RELEASE = .build/release
# A folder of the compiler's own libraries without their shared twins, so that the linker takes these.
STATIC = .build/static-runtime
# The release binaries need only libc, libssl, libcrypto and libz; "-c release" alone uses the toolchain's libraries.
RELEASE_FLAGS = -c release --static-swift-stdlib -Xlinker -L$(CURDIR)/$(STATIC)
PROGRAMS = loghamsterc loghamsterd
DOCUMENTS = README.md CHANGELOG.md SECURITY.md LICENSE docs/*.md

bindir = $(DESTDIR)$(PREFIX)/bin
docdir = $(DESTDIR)$(PREFIX)/share/doc/loghamster
mandir = $(DESTDIR)$(PREFIX)/share/man
sharedir = $(DESTDIR)$(PREFIX)/share/loghamster
bashdir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fishdir = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
libdir = $(DESTDIR)$(PREFIX)/lib

.PHONY: help setup setup-test build reference test fuzz leaks torture simulate mutants demo scan bench lint install \
	install-systemd install-manual install-completions deb manual clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-10s %s\n", $$1, $$2 }'

setup: ## install the packages that a build needs (root), or say which are missing
	@scripts/setup build

setup-test:
	@scripts/setup test

build: setup ## build loghamsterc and loghamsterd for use
	mkdir -p $(STATIC)
	ln -sfn $$(clang -print-file-name=libstdc++.a) $(STATIC)/libstdc++.a
	ln -sfn $$(clang -print-file-name=libgcc_eh.a) $(STATIC)/libgcc_s.a
	for program in $(PROGRAMS); do $(SWIFT) build $(RELEASE_FLAGS) --product $$program || exit 1; done

reference: setup ## make the reference of the configuration of the tables in the sources
	$(SWIFT) run configuration-reference

SANITIZE =
test: setup-test ## build and run every test; SANITIZE=address or thread looks at memory or data races as well
	SANITIZE=$(SANITIZE) scripts/test

TIME = 20
CONNECTIONS = 10000
TARGETS =
fuzz: setup-test ## look for input that breaks what reads it; TIME=20 seconds a target, TARGETS="pem state" (all)
	TIME=$(TIME) scripts/fuzz $(TARGETS)

leaks: setup-test ## does the server keep anything of 10,000 connections? CONNECTIONS=10000 SANITIZE=address
	SANITIZE=$(SANITIZE) CONNECTIONS=$(CONNECTIONS) scripts/leaks

# Of the release build, since a million seeds take hours in the other.
SEEDS = 100000
FROM = 0
simulate: setup ## run both sides against simulated disks and networks; SEEDS=100000 FROM=0
	$(SWIFT) run -c release simulate --seeds $(SEEDS) --from $(FROM)

mutants: setup ## break the sources on purpose: the simulation must notice
	scripts/mutants

SECONDS_LONG = 300
SEED = 1
torture: setup-test ## kill both sides under load for five minutes; SECONDS_LONG=300 SEED=1
	$(SWIFT) build --build-tests
	LOGHAMSTER_KILL_SECONDS=$(SECONDS_LONG) LOGHAMSTER_SEED=$(SEED) \
		$(SWIFT) test --skip-build --filter ProgramsAreKilledUnderLoad

demo: setup ## ship this machine's log files over mutual TLS and compare them
	scripts/demo

scan: setup ## let TLS scanners examine the server, and write docs/tls-scan.txt
	@scripts/setup scan
	scripts/scan

QUICK =
bench: build ## measure, beside C, rsyslog and syslog-ng (Benchmarks/README.md); QUICK=1: two minutes
	@scripts/setup bench
	Benchmarks/run $(if $(QUICK),--quick)

lint: ## check the format of the sources
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks
	if command -v shellcheck >/dev/null; then shellcheck certs/ca $(filter-out %.py,$(wildcard scripts/*)) .ci/run \
		Tests/*/*.sh Benchmarks/peers/fetch; fi

install: install-systemd install-manual install-completions ## install what "make build" made; PREFIX=/usr/local DESTDIR=
	@test -x $(RELEASE)/loghamsterc -a -x $(RELEASE)/loghamsterd || \
		{ echo "install: $(RELEASE): the programs are not built: run make build first" >&2; exit 1; }
	install -d $(bindir) $(docdir)/examples $(sharedir)/certs
	install -m 755 $(PROGRAMS:%=$(RELEASE)/%) $(bindir)
	install -m 644 $(wildcard $(DOCUMENTS)) $(docdir)
	install -m 644 deploy/examples/* $(docdir)/examples
	install -m 755 certs/ca $(sharedir)/certs
	install -m 644 certs/README.md $(sharedir)/certs
	install -d $(sharedir)/prometheus $(sharedir)/grafana
	install -m 644 deploy/prometheus/* $(sharedir)/prometheus
	install -m 644 deploy/grafana/* $(sharedir)/grafana

install-manual:
	for page in $(wildcard docs/man/*.[1-8]); do \
		install -D -m 644 -t $(mandir)/man$${page##*.} $$page || exit 1; \
	done

# The programs know best what they can be asked.
install-completions:
	install -d $(bashdir) $(zshdir) $(fishdir)
	for program in $(PROGRAMS); do \
		$(RELEASE)/$$program --generate-completion-script bash > $(bashdir)/$$program && \
		$(RELEASE)/$$program --generate-completion-script zsh > $(zshdir)/_$$program && \
		$(RELEASE)/$$program --generate-completion-script fish > $(fishdir)/$$program.fish || exit 1; \
	done

# The units start the programs where they are installed; systemd finds those below /usr and /usr/local alike.
install-systemd:
	install -d $(libdir)/systemd/system $(libdir)/sysusers.d
	for unit in deploy/systemd/*.service deploy/systemd/*.socket; do \
		sed 's|/usr/bin/|$(PREFIX)/bin/|' $$unit \
			> $(libdir)/systemd/system/$${unit##*/} && chmod 644 $(libdir)/systemd/system/$${unit##*/} || exit 1; \
	done
	for users in deploy/systemd/*.sysusers.conf; do \
		name=$${users##*/}; install -m 644 $$users $(libdir)/sysusers.d/$${name%.sysusers.conf}.conf || exit 1; \
	done

deb: build ## make the Debian packages loghamster-client and loghamster-server: .build/deb
	@scripts/setup deb
	scripts/deb

manual: build ## write the programs' manual pages anew: docs/man
	scripts/manual.py $(RELEASE)

clean: ## remove everything that was built
	rm -rf .build .build-mutants .build-fuzz .build-address .build-thread .demo Benchmarks/.build

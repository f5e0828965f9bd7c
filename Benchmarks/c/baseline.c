/*
 * The yardstick: ships one file over mutual TLS 1.3 with blocking sockets and OpenSSL, and nothing else.
 *
 *   baseline receive MODE CA CERT KEY OUTPUT           prints "port N", takes one connection, writes OUTPUT
 *   baseline send MODE CA CERT KEY HOST PORT FILE      sends FILE
 *
 * MODE "plain" is what one writes first: SSL_write of 256 KiB, SSL_read, on SSL_set_fd.
 * MODE "best" gathers 64 KiB per socket write (BIO_f_buffer) and reads 64 KiB ahead.
 * Each process ends with one line of JSON: bytes, seconds, CPU and peak memory of itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024, SOCKET_BYTES = 64 * 1024, ACCEPT_SECONDS_MAX = 60 };

static unsigned char chunk[CHUNK_BYTES];

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "baseline: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

/* Peak resident memory in KiB. Not ru_maxrss: that one starts with what the parent had before exec. */
static long peak_memory(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kib);
    if (status) fclose(status);
    return kib;
}

static void report(const char *role, const char *mode, SSL *ssl, long long bytes, double started) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"role\":\"%s\",\"mode\":\"%s\",\"cipher\":\"%s\",\"bytes\":%lld,\"seconds\":%.6f,"
           "\"cpu_user\":%.6f,\"cpu_system\":%.6f,\"rss_kib\":%ld}\n",
           role, mode, SSL_get_cipher_name(ssl), bytes, now() - started, seconds(usage.ru_utime),
           seconds(usage.ru_stime), peak_memory());
    fflush(stdout);
}

static int is_best(const char *mode) {
    if (strcmp(mode, "best") == 0) return 1;
    if (strcmp(mode, "plain") == 0) return 0;
    die("%s: there is no such mode: plain or best", mode);
    return 0;
}

/* TLS 1.3 only, the peer's certificate always required and checked against the CA. */
static SSL_CTX *make_context(const SSL_METHOD *method, const char *ca, const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION)) die("no TLS context");
    if (!SSL_CTX_load_verify_locations(context, ca, NULL)) die("%s: no CA can be read", ca);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) die("%s: no certificate can be read", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) die("%s: no key can be read", key);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    return context;
}

static SSL *make_session(SSL_CTX *context, int socket_fd) {
    int on = 1;
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = SSL_new(context);
    if (!ssl || !SSL_set_fd(ssl, socket_fd)) die("no TLS session");
    return ssl;
}

static void read_ahead(SSL *ssl) {
    SSL_set_read_ahead(ssl, 1);
    SSL_set_default_read_buffer_len(ssl, SOCKET_BYTES);
}

/* A buffer of 64 KiB between OpenSSL and the socket: four records a write(2). */
static BIO *gather_writes(SSL *ssl) {
    BIO *buffer = BIO_new(BIO_f_buffer());
    if (!buffer || !BIO_set_write_buffer_size(buffer, SOCKET_BYTES)) die("no write buffer");
    BIO *socket_bio = SSL_get_wbio(ssl);
    BIO_up_ref(socket_bio);
    SSL_set0_wbio(ssl, BIO_push(buffer, socket_bio));
    return buffer;
}

static void write_all(int file, const unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) die("the output cannot be written: %s", strerror(errno));
        bytes += written;
        count -= (size_t)written;
    }
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1))
        die("cannot listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static long long drain_into(SSL *ssl, int file) {
    long long total = 0;
    for (;;) {
        int count = SSL_read(ssl, chunk, sizeof chunk);
        if (count <= 0) {
            int reason = SSL_get_error(ssl, count);
            if (reason == SSL_ERROR_ZERO_RETURN) return total;
            die("the transfer broke off after %lld bytes (SSL error %d)", total, reason);
        }
        write_all(file, chunk, (size_t)count);
        total += count;
    }
}

static void receive(char **arguments) {
    const char *mode = arguments[0];
    int best = is_best(mode);
    SSL_CTX *context = make_context(TLS_server_method(), arguments[1], arguments[2], arguments[3]);
    int file = open(arguments[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0) die("%s: %s", arguments[4], strerror(errno));
    alarm(ACCEPT_SECONDS_MAX);
    int connection = accept(listen_anywhere(), NULL, NULL);
    if (connection < 0) die("no connection: %s", strerror(errno));
    alarm(0);
    double started = now();
    SSL *ssl = make_session(context, connection);
    if (best) read_ahead(ssl);
    if (SSL_accept(ssl) != 1) die("the handshake failed");
    long long bytes = drain_into(ssl, file);
    if (close(file)) die("%s: %s", arguments[4], strerror(errno));
    SSL_shutdown(ssl);
    close(connection);
    report("receive", mode, ssl, bytes, started);
}

static int connect_to(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int problem = getaddrinfo(host, port, &hints, &found);
    if (problem) die("%s: %s", host, gai_strerror(problem));
    int connection = -1;
    for (struct addrinfo *each = found; each && connection < 0; each = each->ai_next) {
        connection = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, 0);
        if (connection >= 0 && connect(connection, each->ai_addr, each->ai_addrlen)) {
            close(connection);
            connection = -1;
        }
    }
    if (connection < 0) die("%s:%s: %s", host, port, strerror(errno));
    freeaddrinfo(found);
    return connection;
}

/* The receiver's certificate must be for this name or address, as the other programs demand too. */
static void expect_name(SSL *ssl, const char *host) {
    unsigned char address[16];
    int is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    int done = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
                          : SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
    if (!done) die("%s: not a name that can be checked", host);
}

static long long send_all(SSL *ssl, int file) {
    long long total = 0;
    ssize_t count;
    while ((count = read(file, chunk, sizeof chunk)) > 0) {
        int written = SSL_write(ssl, chunk, (int)count);
        if (written <= 0) die("the transfer broke off after %lld bytes (SSL error %d)", total, SSL_get_error(ssl, written));
        total += written;
    }
    if (count < 0) die("the file cannot be read: %s", strerror(errno));
    return total;
}

/* Half-close, then wait for the receiver's own end: tickets left unread would turn the end into a reset. */
static void finish(SSL *ssl, int connection, BIO *buffer) {
    SSL_shutdown(ssl);
    if (buffer) BIO_flush(buffer);
    shutdown(connection, SHUT_WR);
    int count = SSL_read(ssl, chunk, sizeof chunk);
    if (count > 0 || SSL_get_error(ssl, count) != SSL_ERROR_ZERO_RETURN) die("the receiver did not end the session");
    close(connection);
}

static void transmit(char **arguments) {
    const char *mode = arguments[0];
    int best = is_best(mode);
    SSL_CTX *context = make_context(TLS_client_method(), arguments[1], arguments[2], arguments[3]);
    int file = open(arguments[6], O_RDONLY | O_CLOEXEC);
    if (file < 0) die("%s: %s", arguments[6], strerror(errno));
    double started = now();
    int connection = connect_to(arguments[4], arguments[5]);
    SSL *ssl = make_session(context, connection);
    expect_name(ssl, arguments[4]);
    if (SSL_connect(ssl) != 1) die("the handshake failed");
    BIO *buffer = best ? gather_writes(ssl) : NULL;
    long long bytes = send_all(ssl, file);
    finish(ssl, connection, buffer);
    report("send", mode, ssl, bytes, started);
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    if (count == 7 && strcmp(arguments[1], "receive") == 0) {
        receive(arguments + 2);
    } else if (count == 9 && strcmp(arguments[1], "send") == 0) {
        transmit(arguments + 2);
    } else {
        fprintf(stderr, "usage: baseline receive MODE CA CERT KEY OUTPUT\n"
                        "       baseline send MODE CA CERT KEY HOST PORT FILE\n");
        return 64;
    }
    return 0;
}

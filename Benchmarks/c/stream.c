#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* A connection's local ports are few; 127.0.0.1 to 127.0.0.16 have them each. */
enum { SOURCE_ADDRESSES = 16 };

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "streams: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* Lines of 128 bytes, so that each quantum ends with one. */
static const char *quantum(void) {
    static char bytes[QUANTUM_BYTES];
    if (!bytes[0]) {
        for (int line = 0; line < QUANTUM_BYTES / LINE_BYTES; line++) {
            char *start = bytes + line * LINE_BYTES;
            memset(start, '.', LINE_BYTES);
            int length = sprintf(start, "2026-03-12T10:00:00Z host app[42]: line %d of the load", line);
            start[length] = ' ';
            start[LINE_BYTES - 1] = '\n';
        }
    }
    return bytes;
}

/* The ticket comes after the handshake. The one before it is of no use any more. */
static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct stream *stream = SSL_get_app_data(ssl);
    SSL_SESSION_free(stream->session);
    stream->session = session;
    return 1;
}

SSL_CTX *stream_context(const char *ca, const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION)) die("no TLS context");
    if (!SSL_CTX_load_verify_locations(context, ca, NULL)) die("%s: no CA can be read", ca);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) die("%s: no certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) die("%s: no key can be read", key);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // As loghamsterc: a server that has the root needs nothing of it, and would keep it for as long as the stream lives.
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return context;
}

static void enter(struct stream *stream, struct target *target, enum stream_state state) {
    target->in_state[stream->state]--;
    target->in_state[state]++;
    stream->state = state;
}

/* Room in the socket is waited for only while something waits for it. */
static void watch(struct stream *stream, struct target *target, int wants_write, int operation) {
    if (operation == EPOLL_CTL_MOD && stream->wants_write == wants_write) return;
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = stream};
    if (epoll_ctl(target->epoll, operation, stream->socket, &event)) die("epoll: %s", strerror(errno));
    stream->wants_write = wants_write;
}

/* Always 1: the stream has ended. What the server has not acknowledged is sent again by the next connection. */
static int end(struct stream *stream, struct target *target) {
    /* OpenSSL takes a session for lost whose connection ends without this. */
    SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(stream->ssl);
    close(stream->socket);
    stream->ssl = NULL;
    stream->socket = -1;
    stream->reply_length = stream->lines_seen = 0;
    enter(stream, target, STREAM_CLOSED);
    return 1;
}

static SSL *make_session(struct stream *stream, struct target *target) {
    SSL *ssl = SSL_new(target->context);
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &target->address, address, sizeof address);
    if (!ssl || !SSL_set_fd(ssl, stream->socket) || !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address))
        die("no TLS session");
    SSL_set_app_data(ssl, stream);
    SSL_set_connect_state(ssl);
    if (target->resumes && stream->session) SSL_set_session(ssl, stream->session);
    return ssl;
}

void stream_cut(struct stream *stream, struct target *target) { end(stream, target); }

void stream_connect(struct stream *stream, struct target *target) {
    int on = 1;
    uint32_t source = INADDR_LOOPBACK + (uint32_t)(stream->number % SOURCE_ADDRESSES);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = target->address, .sin_port = target->port};
    stream->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->socket < 0) die("stream %d: no socket: %s", stream->number, strerror(errno));
    setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(stream->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(stream->socket, (struct sockaddr *)&from, sizeof from)) die("no source address: %s", strerror(errno));
    if (connect(stream->socket, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
        die("stream %d: cannot connect: %s", stream->number, strerror(errno));
    stream->ssl = make_session(stream, target);
    enter(stream, target, STREAM_CONNECTING);
    watch(stream, target, 1, EPOLL_CTL_ADD);
}

/* A refused connection has ended, without an error for the caller: it is made again. */
static int finish_connecting(struct stream *stream, struct target *target) {
    int problem = 0;
    socklen_t length = sizeof problem;
    getsockopt(stream->socket, SOL_SOCKET, SO_ERROR, &problem, &length);
    if (problem) return end(stream, target);
    enter(stream, target, STREAM_HANDSHAKE);
    return 0;
}

static int go_on_shaking_hands(struct stream *stream, struct target *target) {
    ERR_clear_error();
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->was_resumed = SSL_session_reused(stream->ssl);
        enter(stream, target, STREAM_GREETING);
        watch(stream, target, 0, EPOLL_CTL_MOD);
        return 0;
    }
    int reason = SSL_get_error(stream->ssl, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return end(stream, target);
    watch(stream, target, reason == SSL_ERROR_WANT_WRITE, EPOLL_CTL_MOD);
    return 0;
}

static void ask_to_open(struct stream *stream, struct target *target) {
    char line[REPLY_BYTES_MAX];
    int length = snprintf(line, sizeof line, "INIT STREAM %s:/load/%d.log svc:load ack:1 file:%s-%d offset:%lld\n",
                          target->host, stream->number, target->run, stream->number, (long long)stream->acknowledged);
    /* An empty send buffer takes a line at once. */
    if (SSL_write(stream->ssl, line, length) != length) die("stream %d: INIT could not be sent", stream->number);
    enter(stream, target, STREAM_OPENING);
}

static void open_at_offset(struct stream *stream, struct target *target, const char *reply) {
    /* "Not now", and the server ends the connection. */
    if (strncmp(reply, "429 ", 4) == 0 || strncmp(reply, "503 ", 4) == 0) return;
    const char *offset = strstr(reply, " offset:");
    if (strncmp(reply, "200 ", 4) || !offset) die("stream %d: the server said: %s", stream->number, reply);
    stream->sent = strtoll(offset + 8, NULL, 10);
    if (stream->sent < stream->acknowledged) die("stream %d: acknowledged bytes are gone: %s", stream->number, reply);
    stream->acknowledged = stream->sent;
    enter(stream, target, STREAM_OPEN);
}

static void take_line(struct stream *stream, struct target *target, const char *line) {
    if (stream->state == STREAM_GREETING) {
        if (++stream->lines_seen == 2) ask_to_open(stream, target);
    } else if (stream->state == STREAM_OPENING) {
        open_at_offset(stream, target, line);
    } else if (strncmp(line, "ACK ", 4) == 0) {
        stream->acknowledged = strtoll(line + 4, NULL, 10);
    } else if (strncmp(line, "503 ", 4) != 0) {
        die("stream %d: the server said: %s", stream->number, line);
    }
}

static void take_lines(struct stream *stream, struct target *target) {
    char *start = stream->reply, *stop = stream->reply + stream->reply_length, *newline;
    while ((newline = memchr(start, '\n', (size_t)(stop - start)))) {
        *newline = 0;
        take_line(stream, target, start);
        start = newline + 1;
    }
    stream->reply_length = (int)(stop - start);
    if (stream->reply_length == REPLY_BYTES_MAX) die("stream %d: a line without an end", stream->number);
    memmove(stream->reply, start, (size_t)stream->reply_length);
}

/* Up to the last byte that is there, or to the end, whatever kind of end it is. */
static int receive(struct stream *stream, struct target *target) {
    for (;;) {
        ERR_clear_error();
        int count = SSL_read(stream->ssl, stream->reply + stream->reply_length, REPLY_BYTES_MAX - stream->reply_length);
        if (count <= 0) return SSL_get_error(stream->ssl, count) == SSL_ERROR_WANT_READ ? 0 : end(stream, target);
        stream->reply_length += count;
        take_lines(stream, target);
    }
}

int stream_advance(struct stream *stream, struct target *target) {
    if (stream->state == STREAM_CONNECTING && finish_connecting(stream, target)) return 1;
    if (stream->state == STREAM_HANDSHAKE && go_on_shaking_hands(stream, target)) return 1;
    if (stream->state < STREAM_GREETING) return 0;
    watch(stream, target, 0, EPOLL_CTL_MOD);
    return receive(stream, target);
}

int64_t stream_send(struct stream *stream, struct target *target) {
    int64_t left = stream->goal - stream->sent;
    int64_t phase = stream->sent % QUANTUM_BYTES;
    int64_t count = left < QUANTUM_BYTES - phase ? left : QUANTUM_BYTES - phase;
    ERR_clear_error();
    int written = SSL_write(stream->ssl, quantum() + phase, (int)count);
    if (written > 0) {
        stream->sent += written;
        return written;
    }
    int reason = SSL_get_error(stream->ssl, written);
    if (reason != SSL_ERROR_WANT_WRITE) die("stream %d: it cannot be written (SSL error %d)", stream->number, reason);
    watch(stream, target, 1, EPOLL_CTL_MOD);
    return 0;
}

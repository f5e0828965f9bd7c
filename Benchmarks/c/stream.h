/* One stream of docs/protocol.md over mutual TLS 1.3 on a non-blocking socket; streams.c drives thousands of them. */
#pragma once

#include <openssl/ssl.h>
#include <stdint.h>

enum { LINE_BYTES = 128, QUANTUM_BYTES = 16 * 1024, REPLY_BYTES_MAX = 512 };

enum stream_state {
    STREAM_CLOSED,
    STREAM_CONNECTING,
    STREAM_HANDSHAKE,
    STREAM_GREETING, /* the server's two lines are awaited */
    STREAM_OPENING,  /* INIT STREAM was sent */
    STREAM_OPEN,
    STATES
};

/* What all streams share. */
struct target {
    SSL_CTX *context;
    int epoll;
    uint32_t address; /* in network order */
    uint16_t port;    /* in network order */
    const char *host;
    const char *run; /* part of each file's name, so that no two runs share one */
    int resumes;
    int in_state[STATES]; /* how many streams */
};

struct stream {
    enum stream_state state;
    int number;
    int socket;
    int wants_write;
    int lines_seen; /* of the greeting */
    int was_resumed;
    SSL *ssl;
    SSL_SESSION *session; /* for the next connection; used once */
    int64_t sent;         /* bytes of the file, from its beginning */
    int64_t goal;         /* bytes that are to be sent in all */
    int64_t acknowledged;
    int reply_length;
    char reply[REPLY_BYTES_MAX];
};

_Noreturn void die(const char *format, ...);

/* Mutual TLS 1.3 with few buffers; new sessions are left in their stream. */
SSL_CTX *stream_context(const char *ca, const char *certificate, const char *key);

/* Begins to connect, from one of several loopback addresses. */
void stream_connect(struct stream *stream, struct target *target);

/* Closes the connection without a word. */
void stream_cut(struct stream *stream, struct target *target);

/* Goes on where epoll says that it can. Returns 1 when the stream has ended since. */
int stream_advance(struct stream *stream, struct target *target);

/* Sends up to a quantum of lines. Returns the bytes; 0 where the socket takes no more for now. */
int64_t stream_send(struct stream *stream, struct target *target);

/*
 * A load of thousands of acknowledged streams (docs/protocol.md) from one process, over mutual TLS 1.3.
 *
 *   streams CA CERT KEY ADDRESS PORT HOST RUN
 *
 * It does what its standard input says, a command a line, and answers each with a line of JSON:
 *
 *   connect COUNT full|resume   opens streams until there are COUNT, with whole handshakes or by earlier sessions
 *   send BYTES RATE             sends about so many bytes on all streams in turn, 16 KiB at a time, at RATE bytes a
 *                               second in total (0: as fast as they are taken), up to the last acknowledgement
 *   cut                         closes all connections without a word, as a network does that breaks
 *   await-end                   waits until the server has ended all streams
 *   quit
 *
 * Between commands it reads what the server says.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { STREAMS_MAX = 20000, OPENING_MAX = 128, EVENTS_MAX = 512, TURN_QUANTA = 64, RETRIES_MAX = 100000 };

/* Without any event for so long something is wrong. A quiet stream has an ACK every 15 s. */
static const double silence_seconds_max = 60;

static struct stream streams[STREAMS_MAX];
static int stream_count;
static struct target target;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Lets the streams go on where they can. Returns whether standard input has something. */
static int turn(int wait_milliseconds) {
    struct epoll_event events[EVENTS_MAX];
    int has_command = 0;
    int count = epoll_wait(target.epoll, events, EVENTS_MAX, wait_milliseconds);
    if (count < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
    for (int index = 0; index < count; index++) {
        if (events[index].data.ptr)
            stream_advance(events[index].data.ptr, &target);
        else
            has_command = 1;
    }
    return has_command;
}

static int under_way(void) {
    int count = 0;
    for (int state = STREAM_CONNECTING; state < STREAM_OPEN; state++) count += target.in_state[state];
    return count;
}

/* Begins so many connections that OPENING_MAX are under way, from where it stopped the last time. Returns how many. */
static int begin_some(int *next) {
    int begun = 0;
    for (; under_way() < OPENING_MAX && target.in_state[STREAM_CLOSED] > 0; *next = (*next + 1) % stream_count) {
        if (streams[*next].state != STREAM_CLOSED) continue;
        stream_connect(&streams[*next], &target);
        begun++;
    }
    return begun;
}

static void connect_all(int count, const char *kind) {
    if (count < 1 || count > STREAMS_MAX) die("connect: %d streams: 1 to %d are possible", count, STREAMS_MAX);
    target.resumes = strcmp(kind, "resume") == 0;
    int before = target.in_state[STREAM_OPEN], begun = 0, resumed = 0, next = 0;
    for (; stream_count < count; stream_count++) {
        streams[stream_count].number = stream_count;
        target.in_state[STREAM_CLOSED]++;
    }
    double started = now(), last = started;
    for (int open = before; open < stream_count;) {
        begun += begin_some(&next);
        if (begun > count + RETRIES_MAX) die("connect: the server refuses too often: %d of %d are open", open, count);
        turn(1000);
        if (target.in_state[STREAM_OPEN] != open) last = now();
        if (now() - last > silence_seconds_max) die("connect: only %d of %d streams could be opened", open, count);
        open = target.in_state[STREAM_OPEN];
    }
    for (int index = 0; index < stream_count; index++) resumed += streams[index].was_resumed;
    printf("{\"event\":\"connect\",\"streams\":%d,\"seconds\":%.6f,\"again\":%d,\"resumed\":%d}\n", stream_count,
           now() - started, begun - (stream_count - before), resumed);
}

/* Sends what is due, to the streams in turn. Returns the bytes; streams that take no more are left out. */
static int64_t send_due(int64_t due, int *next) {
    int64_t sent = 0;
    for (int quanta = 0, looked = 0; quanta < TURN_QUANTA && looked < stream_count && sent < due;) {
        struct stream *stream = &streams[*next];
        *next = (*next + 1) % stream_count;
        int is_ready = stream->state == STREAM_OPEN && !stream->wants_write && stream->sent < stream->goal;
        int64_t bytes = is_ready ? stream_send(stream, &target) : 0;
        sent += bytes;
        looked = bytes > 0 ? 0 : looked + 1;
        quanta += bytes > 0;
    }
    return sent;
}

static int64_t unacknowledged(void) {
    int64_t bytes = 0;
    for (int index = 0; index < stream_count; index++) {
        if (streams[index].state != STREAM_OPEN) die("send: stream %d was ended", index);
        bytes += streams[index].goal - streams[index].acknowledged;
    }
    return bytes;
}

static void send_all(int64_t bytes, double rate) {
    if (!stream_count) die("send: there are no streams");
    int64_t share = bytes / stream_count / LINE_BYTES * LINE_BYTES, total = share * stream_count, sent = 0;
    if (share < LINE_BYTES) die("send: %lld bytes are too few for %d streams", (long long)bytes, stream_count);
    for (int index = 0; index < stream_count; index++) streams[index].goal = streams[index].acknowledged + share;
    double started = now(), cpu = cpu_seconds(), last = started;
    int next = 0;
    while (sent < total) {
        /* Whole quanta, so that their number doesn't depend on how often this comes around. */
        int64_t due = rate > 0 ? (int64_t)((now() - started) * rate) - sent : total;
        int64_t found = due >= QUANTUM_BYTES || due + sent >= total ? send_due(due, &next) : 0;
        if (found) last = now();
        if (now() - last > silence_seconds_max) die("send: only %lld bytes were taken", (long long)sent);
        sent += found;
        turn(found ? 0 : 1);
    }
    double sending = now() - started;
    for (double stop = now() + silence_seconds_max; unacknowledged() > 0; turn(10))
        if (now() > stop) die("send: %lld bytes were not acknowledged", (long long)unacknowledged());
    printf("{\"event\":\"send\",\"bytes\":%lld,\"sending_seconds\":%.6f,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n",
           (long long)total, sending, now() - started, cpu_seconds() - cpu);
}

static void await_end(void) {
    double started = now(), stop = started + silence_seconds_max;
    int count = target.in_state[STREAM_OPEN];
    while (target.in_state[STREAM_CLOSED] < stream_count) {
        if (now() > stop) die("await-end: %d streams go on", target.in_state[STREAM_OPEN]);
        turn(100);
    }
    printf("{\"event\":\"end\",\"streams\":%d,\"seconds\":%.6f}\n", count, now() - started);
}

static void cut(void) {
    for (int index = 0; index < stream_count; index++)
        if (streams[index].state != STREAM_CLOSED) stream_cut(&streams[index], &target);
    printf("{\"event\":\"cut\",\"streams\":%d}\n", stream_count);
}

/* Returns 0 at the end. */
static int obey(const char *line) {
    char kind[8] = "";
    int count;
    long long bytes;
    double rate;
    if (sscanf(line, "connect %d %7s", &count, kind) == 2)
        connect_all(count, kind);
    else if (sscanf(line, "send %lld %lf", &bytes, &rate) == 2)
        send_all(bytes, rate);
    else if (strncmp(line, "cut", 3) == 0)
        cut();
    else if (strncmp(line, "await-end", 9) == 0)
        await_end();
    else if (strncmp(line, "quit", 4) == 0)
        return 0;
    else
        die("%s: there is no such command", line);
    fflush(stdout);
    return 1;
}

static void allow_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void prepare(char **arguments) {
    target.context = stream_context(arguments[0], arguments[1], arguments[2]);
    target.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (target.epoll < 0) die("epoll: %s", strerror(errno));
    if (inet_pton(AF_INET, arguments[3], &target.address) != 1) die("%s: not an address of IPv4", arguments[3]);
    target.port = htons((uint16_t)atoi(arguments[4]));
    target.host = arguments[5];
    target.run = arguments[6];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(target.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event)) die("standard input: %s", strerror(errno));
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: streams CA CERT KEY ADDRESS PORT HOST RUN\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    allow_descriptors();
    prepare(arguments + 1);
    char line[128];
    for (;;) {
        /* Each command is one write of its line, and the next comes after the answer: so fgets finds one whole line. */
        while (!turn(-1)) continue;
        if (!fgets(line, sizeof line, stdin) || !obey(line)) return 0;
    }
}

#ifndef HAMSTER_CZLIB_SHIM_H
#define HAMSTER_CZLIB_SHIM_H

#include <zlib.h>

/* deflateInit and inflateInit are macros that pass the header's version and the structure's size. */
static inline int CZlib_deflateInit(z_stream *stream, int level) { return deflateInit(stream, level); }
static inline int CZlib_inflateInit(z_stream *stream) { return inflateInit(stream); }

/* A whole gzip file (RFC 1952), as gzip(1) writes and reads it: 16 on top of the window's bits says so. */
static inline int CZlib_gzipInit(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
static inline int CZlib_gunzipInit(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

#endif

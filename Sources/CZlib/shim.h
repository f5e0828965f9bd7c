#ifndef HAMSTER_CZLIB_SHIM_H
#define HAMSTER_CZLIB_SHIM_H

#include <zlib.h>

/* deflateInit and inflateInit are macros that pass the header's version and the structure's size. */
static inline int CZlib_deflateInit(z_stream *stream, int level) { return deflateInit(stream, level); }
static inline int CZlib_inflateInit(z_stream *stream) { return inflateInit(stream); }

#endif

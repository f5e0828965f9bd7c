#ifndef HAMSTER_CLIBFUZZER_SHIM_H
#define HAMSTER_CLIBFUZZER_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer as a library (llvm.org/docs/LibFuzzer.html). It has no header of its own, and is there in builds with
   -sanitize=fuzzer only. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *bytes, size_t count));

#endif

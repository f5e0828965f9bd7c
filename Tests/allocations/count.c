/* Counts what a program allocates, for tests that bound it: loaded before the C library (LD_PRELOAD). At the end of the
 * process the number of allocations is written into the file that ALLOCATIONS names.
 *
 * OpenSSL's are left out: it makes a dozen for each record, which is not ours to change, and would hide what is.
 *
 * The names with two underscores are the C library's own, exported for this purpose. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong allocations;
/* Where OpenSSL's code is. */
static struct { uintptr_t start, end; } openssl[2];
static int openssl_count;

static int find_openssl(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    if (strstr(object->dlpi_name, "/libcrypto.") == NULL && strstr(object->dlpi_name, "/libssl.") == NULL) return 0;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || openssl_count == 2) continue;
        openssl[openssl_count].start = object->dlpi_addr + segment->p_vaddr;
        openssl[openssl_count].end = openssl[openssl_count].start + segment->p_memsz;
        openssl_count++;
    }
    return 0;
}

__attribute__((constructor)) static void begin(void) { dl_iterate_phdr(find_openssl, NULL); }

static inline void count(const void *caller) {
    uintptr_t address = (uintptr_t)caller;
    for (int index = 0; index < openssl_count; index++)
        if (address >= openssl[index].start && address < openssl[index].end) return;
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
}

#define COUNT() count(__builtin_return_address(0))

void *malloc(size_t size) {
    COUNT();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    COUNT();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    COUNT();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    COUNT();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    COUNT();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    COUNT();
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("ALLOCATIONS");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%lu\n", atomic_load(&allocations));
    fclose(file);
}

#ifndef HAMSTER_CLINUX_SHIM_H
#define HAMSTER_CLINUX_SHIM_H

/*
 * Linux calls that the Glibc module map leaves out: they stand behind _GNU_SOURCE or are variadic,
 * and Swift sees neither. Each goes straight to the kernel, so no feature macro is needed.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <malloc.h>
#include <stdint.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

long syscall(long number, ...);

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* fcntl(2) commands behind _GNU_SOURCE: leases, and the signal that tells of a lease being broken. */
static const int CLinux_F_SETLEASE = 1024;
static const int CLinux_F_SETSIG = 10;

/* open(2) flag behind _GNU_SOURCE: a descriptor for a place, not for its content. */
static const int CLinux_O_PATH = 010000000;

/* openat2(2): openat with rules for how the path is resolved. Returns a descriptor, or -1 with errno. */
static inline int CLinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/* preadv2(2) with RWF_NOWAIT: what the page cache holds; -1 with EAGAIN where the disk would have to be asked. */
static inline ssize_t CLinux_preadCached(int file, void *bytes, size_t count, int64_t offset) {
    struct iovec one = {.iov_base = bytes, .iov_len = count};
    return syscall(SYS_preadv2, file, &one, 1, offset, 0, RWF_NOWAIT);
}

/* What statx(2) tells of a file; birth_seconds is -1 where the file system keeps no birth time. */
struct CLinux_status {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t links;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
    int64_t birth_seconds;
    uint32_t birth_nanoseconds;
    int64_t modified_seconds;
    uint32_t modified_nanoseconds;
    int64_t changed_seconds;
    uint32_t changed_nanoseconds;
};

/* statx(2). With an empty path the descriptor itself is meant. Follows symbolic links. 0, or -1 with errno. */
static inline int CLinux_statx(int directory, const char *path, struct CLinux_status *out) {
    struct statx s;
    int flags = path[0] == 0 ? 0x1000 /* AT_EMPTY_PATH */ : 0;
    if (syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS | STATX_BTIME, &s) != 0) return -1;
    out->device = ((uint64_t)s.stx_dev_major << 32) | s.stx_dev_minor;
    out->inode = s.stx_ino;
    out->size = s.stx_size;
    out->links = s.stx_nlink;
    out->mode = s.stx_mode;
    out->owner = s.stx_uid;
    out->group = s.stx_gid;
    int born = (s.stx_mask & STATX_BTIME) != 0;
    out->birth_seconds = born ? s.stx_btime.tv_sec : -1;
    out->birth_nanoseconds = born ? s.stx_btime.tv_nsec : 0;
    out->modified_seconds = s.stx_mtime.tv_sec;
    out->modified_nanoseconds = s.stx_mtime.tv_nsec;
    out->changed_seconds = s.stx_ctime.tv_sec;
    out->changed_nanoseconds = s.stx_ctime.tv_nsec;
    return 0;
}

/* mallopt(3) and malloc_trim(3). Other C libraries than glibc have no such calls, and need none. Sizes in bytes. */
static inline void CLinux_setUpHeap(int arenas_max, int mapped_bytes_min, int free_end_bytes_max) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, arenas_max);
    mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
    mallopt(M_TRIM_THRESHOLD, free_end_bytes_max);
#endif
}

static inline void CLinux_giveFreeMemoryBack(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

/* ioprio_set(2) for the calling thread: it gets the disk when nobody else wants it. 0, or -1 with errno. */
static inline int CLinux_setIdlePriorityForDisk(void) {
    const int whoIsThread = 1, classIdle = 3, classShift = 13;
    return (int)syscall(SYS_ioprio_set, whoIsThread, 0, classIdle << classShift);
}

#endif

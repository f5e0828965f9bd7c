/* Tells the thread sanitizer of Swift's Mutex (Synchronization, Swift 6.3 on Linux).
 *
 * An uncontended Mutex is locked and unlocked by atomics in the caller's own code, which the sanitizer sees. Where threads
 * meet, the kernel does it (FUTEX_LOCK_PI), called from the standard library, which nobody has instrumented: without this
 * file, what one thread did before the unlock and another does after the lock looks like a race.
 *
 * Loaded before the standard library (LD_PRELOAD), so that its three slow ways lead through here. In processes without the
 * sanitizer the weak functions are missing, and nothing is told to anyone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

typedef SWIFT void (*lock_function)(uint32_t thread, SELF);
typedef SWIFT bool (*try_lock_function)(SELF);
typedef SWIFT void (*unlock_function)(SELF);

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static lock_function real_lock;
static try_lock_function real_try_lock;
static unlock_function real_unlock;

/* Nil in programs that are not Swift's. */
__attribute__((constructor)) static void find_functions(void) {
    real_lock = (lock_function)dlsym(RTLD_NEXT, LOCK);
    real_try_lock = (try_lock_function)dlsym(RTLD_NEXT, TRY_LOCK);
    real_unlock = (unlock_function)dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void mutex_lock(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void mutex_lock(uint32_t thread, SELF) {
    real_lock(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT bool mutex_try_lock(SELF) __asm__(TRY_LOCK);
SWIFT bool mutex_try_lock(SELF) {
    bool is_locked = real_try_lock(self);
    if (is_locked && __tsan_acquire) __tsan_acquire(self);
    return is_locked;
}

SWIFT void mutex_unlock(SELF) __asm__(UNLOCK);
SWIFT void mutex_unlock(SELF) {
    if (__tsan_release) __tsan_release(self);
    real_unlock(self);
}

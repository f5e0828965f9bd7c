internal import CLinux
internal import Glibc
internal import Synchronization

/// Runs work that may take its time on a thread of its own, which gets processor and disk only when nobody else wants
/// them, as far as the system allows that; waits for its end. Whoever takes a lock in there makes others wait as long.
/// Where no thread can be made the calling one does it.
package func withIdlePriority<Value: Sendable>(_ work: @Sendable () -> Value) -> Value {
    let value = Mutex<Value?>(nil)
    runOnOneThread {
        // On Linux these are of the thread, not of the process.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
        _ = CLinux_setIdlePriorityForDisk()
        let result = work()
        value.withLock { $0 = result }
    }
    return value.withLock { $0 } ?? work()
}

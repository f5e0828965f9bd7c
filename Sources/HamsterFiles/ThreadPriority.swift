internal import CLinux
internal import Glibc

/// Lets the calling thread have processor and disk only when nobody else wants them, as far as the system allows that;
/// what it doesn't allow changes nothing. For threads that end with this work: there is no way back.
package func yieldToOtherThreads() {
    // On Linux these are of the thread, not of the process.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
    _ = CLinux_setIdlePriorityForDisk()
}

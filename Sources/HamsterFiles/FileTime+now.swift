internal import Glibc

extension FileTime {
    /// The wall clock (CLOCK_REALTIME), which file systems use too.
    package static var now: Self {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Self(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Whole seconds since 1970.
    package var seconds: Int64 { nanoseconds / 1_000_000_000 }
}

private import CLinux
private import Glibc

/// What is asked of the C library's allocator, for both programs.
package enum Heap {
    /// What is larger has pages of its own. The buffers that a batch goes through are smaller: they stay where they are.
    private static let mappedBytesMin: CInt = 1_024 * 1_024
    /// The end of an arena goes back at once when more of it is free. By default that is so little that some buffers in a
    /// shared arena are got from the system, and zeroed, again for every batch.
    private static let freeEndBytesMax: CInt = 16 * 1_024 * 1_024

    /// Bounds the arenas, in which threads take turns; to be called before there is a second thread. Does nothing where
    /// `environment` has settings for glibc's allocator: an operator's count more.
    ///
    /// glibc makes up to eight for each core. A page goes back to the system once nothing in it is used any more, and what is
    /// kept of thousands of files, streams and sessions stands between what is not: the more arenas, the more such pages.
    package static func limitArenas(to arenasMax: Int, unless environment: [String: String]) {
        guard !environment.keys.contains(where: { $0.hasPrefix("MALLOC_") || $0 == "GLIBC_TUNABLES" }) else { return }
        CLinux_setUpHeap(CInt(clamping: arenasMax), mappedBytesMin, freeEndBytesMax)
    }

    /// One for each thread that may run at once, and not less than two.
    package static var arenasForAllCores: Int { max(2, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

    /// Gives every free page to the system. The next allocations have to get them again, zeroed, one by one.
    static func giveBack() { CLinux_giveFreeMemoryBack() }
}

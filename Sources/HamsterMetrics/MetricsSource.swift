/// What a program says of itself to those who ask over HTTP.
package struct MetricsSource: Sendable {
    /// Adds every metric. Called on a thread of its own, one scrape at a time; it may wait for disks.
    package var write: @Sendable (inout Exposition) -> Void
    /// Why the program is not ready for its work, in one line; nil: it is. Doesn't block.
    package var obstacle: @Sendable () -> String?

    package init(
        write: @escaping @Sendable (inout Exposition) -> Void, obstacle: @escaping @Sendable () -> String?
    ) {
        self.write = write
        self.obstacle = obstacle
    }
}

internal import Glibc

/// What the kernel says of this process, under the names that all Prometheus libraries use.
package struct ProcessMetrics: Sendable {
    package let processorTime = MetricDescription(
        .counter, "process_cpu_seconds_total", help: "Processor time that was used, user and system")
    package let residentMemory = MetricDescription(
        .gauge, "process_resident_memory_bytes", help: "Memory that the process has in RAM")
    package let openFiles = MetricDescription(
        .gauge, "process_open_fds", help: "Open file descriptors: files, connections and others")
    package let openFilesMax = MetricDescription(
        .gauge, "process_max_fds", help: "Descriptors that may be open at once")
    package let startTime = MetricDescription(
        .gauge, "process_start_time_seconds", help: "When the process began, in Unix time")
    private let start = Self.startSeconds()

    package init() {}

    /// Adds all of them. What the kernel doesn't tell has no series.
    package func write(to exposition: inout Exposition) {
        exposition.add(processorTime, Self.samples(Self.processorSeconds()))
        exposition.add(residentMemory, Self.samples(Self.residentBytes()))
        exposition.add(openFiles, Self.samples(Self.openDescriptors()))
        exposition.add(openFilesMax, Self.samples(Self.descriptorsMax()))
        exposition.add(startTime, Self.samples(start))
    }

    private static func samples(_ value: Double?) -> [Exposition.Sample] {
        value.map { [Exposition.Sample([], $0)] } ?? []
    }

    private static func processorSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    private static func residentBytes() -> Double? {
        let fields = text(of: "/proc/self/statm")?.split(separator: " ")
        guard let fields, fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// The one that lists them is not counted.
    private static func openDescriptors() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return Double(count - 1)
    }

    private static func descriptorsMax() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    /// proc_pid_stat(5): the 22nd field is in clock ticks since the boot; the second may hold anything, in parentheses.
    private static func startSeconds() -> Double? {
        guard let status = text(of: "/proc/self/stat"), let nameEnd = status.lastIndex(of: ")"),
            let bootLine = text(of: "/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(bootLine.dropFirst("btime ".count))
        else { return nil }
        let fields = status[status.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func text(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece.prefix(count) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

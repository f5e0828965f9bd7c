import Foundation
import HamsterFiles
import Testing

struct ThreadPriorityTests {
    private struct Priority: Hashable {
        var nice: Int32
        /// As ionice(1) tells it.
        var ofDisk: String

        /// That of the calling thread.
        static func current() throws -> Priority {
            let thread = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
            let output = Pipe()
            let ionice = Process()
            ionice.executableURL = URL(fileURLWithPath: "/usr/bin/ionice")
            ionice.arguments = ["-p", (thread as NSString).lastPathComponent]
            ionice.standardOutput = output
            let nice = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
            try ionice.run()
            ionice.waitUntilExit()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            return Priority(nice: nice, ofDisk: text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    @Test func `work of low priority has a thread of its own, and the caller keeps its priority`() throws {
        let before = try Priority.current()
        let during = try withIdlePriority { Result { try Priority.current() } }.get()
        let after = try Priority.current()

        #expect(during == Priority(nice: 19, ofDisk: "idle"))
        #expect(after == before)
        #expect(before.ofDisk != "idle")
    }
}

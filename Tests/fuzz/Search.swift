import ArgumentParser
import Foundation
import HamsterFuzzing
import Synchronization

#if LIBFUZZER
import CLibFuzzer
#endif

/// Looks for inputs that break a target, guided by the code that they reach (libFuzzer).
struct Search: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run libFuzzer on a target, with libFuzzer's own arguments.")

    @Argument(help: "The target's name.") var target: String
    @Argument(parsing: .captureForPassthrough, help: "As in -max_total_time=20 CORPUS.") var arguments: [String] = []

    func run() async throws {
        let target = try await Fuzz.target(target)
        #if LIBFUZZER
        Self.target.withLock { $0 = target }
        throw ExitCode(Self.runDriver(arguments))
        #else
        _ = target
        throw ValidationError("this program was built without libFuzzer: run make fuzz")
        #endif
    }

    #if LIBFUZZER
    /// What libFuzzer's callback hands its inputs to.
    private static let target = Mutex<(any FuzzTarget)?>(nil)

    private static func runDriver(_ arguments: [String]) -> CInt {
        var count = CInt(arguments.count + 1)
        let pointer = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 2)
        pointer.initialize(to: strdup(CommandLine.arguments[0]))
        for (index, argument) in arguments.enumerated() { (pointer + index + 1).initialize(to: strdup(argument)) }
        (pointer + arguments.count + 1).initialize(to: nil)
        // libFuzzer keeps the pointers for as long as the process lives.
        var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointer
        return LLVMFuzzerRunDriver(&count, &vector, fuzzOneInput)
    }

    fileprivate static func check(_ input: [UInt8]) {
        do {
            try target.withLock { $0 }?.check(input)
        } catch {
            // Nothing else tells libFuzzer that an input is one to keep.
            FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
            abort()
        }
    }
    #endif
}

#if LIBFUZZER
/// The name is libFuzzer's, whose archive has a `main` that calls it.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Search.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
#endif

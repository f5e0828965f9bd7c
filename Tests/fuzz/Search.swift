#if LIBFUZZER
import Foundation
import HamsterFuzzing
import Synchronization

/// What libFuzzer calls: it has a `main` of its own, so the target's name comes in the environment. `Fuzz` is not in use then.
private let target = Mutex<(any FuzzTarget)?>(nil)

/// Called once, before any input (llvm.org/docs/LibFuzzer.html).
@_cdecl("LLVMFuzzerInitialize")
func makeTarget(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    let name = ProcessInfo.processInfo.environment["LOGHAMSTER_FUZZ_TARGET"] ?? ""
    let isMade = DispatchSemaphore(value: 0)
    Task {
        do {
            let made = try await Fuzz.target(name)
            target.withLock { $0 = made }
        } catch {
            stop("\(error)")
        }
        isMade.signal()
    }
    isMade.wait()
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func checkInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try target.withLock { $0 }?.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        stop("\(error)")
    }
    return 0
}

/// Nothing else tells libFuzzer that an input is one to keep.
private func stop(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("fuzz: \(reason)\n".utf8))
    abort()
}
#endif

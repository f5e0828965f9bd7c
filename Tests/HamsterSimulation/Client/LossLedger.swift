import HamsterCore
import HamsterState

/// What one life of a client counts as lost of one path, to be held against what is missing in the end.
///
/// Each life has its own count: what was counted before a kill may be counted again after it, and what only the killed
/// client had seen is known to nobody.
struct LossLedger {
    /// What the client knew of content as that was truncated.
    private struct Knowledge {
        var seen = 0
        /// Below it all is known to have arrived. What else has, where no copy is left to tell, was acknowledged on a connection
        /// that was lost, or in the middle of a batch: of that the client can't know, and may count it.
        var arrived = 0
    }

    private var counted = 0
    private var truncated: [ObjectIdentifier: Knowledge] = [:]

    mutating func count(_ byteCount: UInt64) { counted += Int(byteCount) }

    /// A file has lost its content. `record`: what the client knew of that; nil: nothing that proves anything.
    mutating func truncated(_ generation: Generation, _ record: FileRecord?) {
        let arrived = generation.due > 0 ? Int.max : Int(record?.position.offset ?? 0)
        truncated[ObjectIdentifier(generation)] = Knowledge(seen: Int(record?.sizeSeen ?? 0), arrived: arrived)
    }

    mutating func clientDied() {
        counted = 0
        truncated = truncated.mapValues { _ in Knowledge() }
    }

    /// The rule that does not hold, if any: what was seen and has not arrived must be counted, and no more than is missing.
    func violation(of history: History, in output: [UInt8]) -> String? {
        var (most, least) = (0, 0)
        for (generation, delivered) in zip(history.generations, history.delivered(in: output)) {
            let known = truncated[ObjectIdentifier(generation)]
            most += generation.bytes.count - min(delivered, known?.arrived ?? delivered)
            least += max(0, (known?.seen ?? 0) - delivered)
        }
        guard counted <= most else { return "\(counted) bytes are counted as lost, at most \(most) can be missing" }
        guard counted >= least else {
            return "\(counted) bytes are counted as lost, \(least) were seen and are missing"
        }
        return nil
    }
}

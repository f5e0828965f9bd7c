internal import HamsterCore
package import HamsterFiles
internal import HamsterMetrics
package import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterState
package import HamsterTail
internal import Logging

/// One file on one connection: what the handler needs to know, and whom it tells.
struct Transfer: Sendable {
    var file: TailedFile
    var request: StreamRequest
    var settings: FileTransfer.Settings
    /// Nothing is sent unless the server knows the file.
    var isInquiry = false
    var rotation: RotationRule
    var slot: ConnectionSlots.Slot
    /// Whether the connection is without TLS.
    var isPlaintext = false
    /// What all streams of the client send through.
    var limiter: RateLimiter
    var logger: Logger
    /// Counts what is sent of the file.
    var readBytes = Counter()
    /// Called on the event loop before the first bytes of a file are sent, with its beginning where that was read.
    var begin: @Sendable (_ beginning: [UInt8]?) -> Void = { _ in }
    /// Called on the thread pool after that: whether they may be sent. Not where the file holds other content by now.
    var mayBegin: @Sendable () throws(FileError) -> Bool = { () throws(FileError) in true }
    /// Called on the thread pool where nothing of a file is sent: whether it holds other content by now.
    var isOverwritten: @Sendable () throws(FileError) -> Bool = { () throws(FileError) in false }
    /// Called on the event loop once the server has opened the stream.
    var opened: @Sendable () -> Void = {}
    /// Called on the event loop with each acknowledgement.
    var acknowledged: @Sendable (FileRecord) -> Void
}

/// How a transfer's connection ended.
package enum TransferOutcome: Sendable {
    /// Orderly, with everything sent acknowledged as far as the server would.
    case ended
    case refused(Reply)
    /// The server was only to be asked, and has no byte of the file.
    case unknown
    /// The file is not the one that the server or we knew under this token; what the server knows, where that differs.
    case otherContent(FileCatalogue.ServerView?)
    case failed(ClientError)
}

extension TransferOutcome {
    var isFailure: Bool { if case .failed = self { true } else { false } }
}

extension TransferOutcome: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ended: "end"
        case .refused(let reply): "\(reply)"
        case .unknown: "the server has nothing of the file"
        case .otherContent: "the file holds other content"
        case .failed(let error): "\(error)"
        }
    }
}

/// User event for ``TransferHandler``.
enum TransferCommand: Sendable {
    /// The file or its path has changed: look again.
    case look
    /// Somebody else needs the connection's place: end if nothing is to be done.
    case giveUp
    /// A better server is there: end as soon as nothing is to be done.
    case leave
    /// End after the last acknowledgement: the stream is to be opened anew, or not at all.
    case reopen
    /// The client stops: end after the last acknowledgement.
    case stop
}

/// Why a file could not be shipped for now.
package enum ClientError: Error, Sendable, CustomStringConvertible {
    case unreachable(target: String, reason: String)
    case tls(String, isLasting: Bool)
    case interrupted(String)
    case silent(Duration)
    case violated(ProtocolError)
    case refused(Reply)
    case unreadable(FileError)
    case stopped

    /// A failure that will not mend by itself.
    package var isLasting: Bool {
        switch self {
        case .tls(_, let isLasting): isLasting
        case .refused(let reply): reply.code.isLasting
        case .violated: true
        case .unreachable, .interrupted, .silent, .unreadable, .stopped: false
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let target, let reason): "cannot connect to \(target): \(reason)"
        case .tls(let text, _): text
        case .interrupted(let reason): "the connection was lost: \(reason)"
        case .silent(let duration): "the server was silent for \(duration)"
        case .violated(let error): "the server does not speak this protocol: \(error)"
        case .refused(let reply): "the server refused: \(reply)"
        case .unreadable(let error): "\(error)"
        case .stopped: "the client stops"
        }
    }
}

package import HamsterCore
package import HamsterProtocol

/// What a transfer wants to be done.
extension FileTransfer {
    package enum Action: Sendable {
        case none
        case sendRequest(StreamRequest)
        /// Hold the server's word against the file; ``verified(_:now:)`` takes the answer.
        case verify(StreamGrant)
        /// Everything below is durable; nil: at no place where the file could be checked later. Then ``reconsider(_:now:)``.
        case acknowledged(SourcePosition?)
        /// Read as ``nextRead(_:)`` says as soon as the connection takes bytes; ``accept(_:_:now:)`` takes them.
        case read
        /// Find out whether the file held other content before what was just read, and have the disk know what it is before it
        /// is sent; ``confirmed(_:)`` takes the answer, and after that ``accept(_:_:now:)`` the same bytes again.
        /// `isBeginning`: these are the first ones of the file.
        case confirm(isBeginning: Bool)
        /// Send what was accepted, without the bytes of the overlap, and read on.
        case send(overlap: Int)
        /// Compare the file's beginning; ``compared(_:)`` takes the answer.
        case compare(SourceHead)
        /// Find out how long a rotated file may still grow; ``observed(_:now:)`` takes the answer.
        case observe
        case rest(Rest)
        /// Shut the sending side.
        case shut
        case end(TransferOutcome)
    }

    /// Nothing to do until the file changes.
    package struct Rest: Sendable, Hashable {
        /// Call ``lookIsDue()`` after so long at the latest.
        package var lookAfter: Duration?
        /// Call ``idleIsDue(now:)`` after so long at the latest.
        package var idleAfter: Duration
        /// Nothing is owed by either side: the connection's place may be given to another file.
        package var isSettled: Bool
    }
}

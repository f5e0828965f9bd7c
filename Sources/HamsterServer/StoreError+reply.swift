internal import HamsterProtocol
internal import HamsterStore

extension StoreError {
    /// What the client hears. The server's own paths stay in its log.
    var reply: Reply { Reply(.outputFailed, "the output cannot be written") }
}

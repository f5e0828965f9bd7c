internal import HamsterProtocol
internal import HamsterStore

extension StoreError {
    /// What the client hears. The server's own paths stay in its log.
    var reply: Reply {
        switch code {
        case .busy: Reply(.busy, "another stream is writing this output", retrySeconds: 5)
        case .output, .lost, .rotation, .nameTaken, .retention: Reply(.outputFailed, "the output cannot be written")
        case .removed, .truncated: Reply(.outputFailed, "the output was removed or cut")
        case .locked, .damagedJournal, .unknownJournalVersion, .stateFolder, .outputFolder, .journal:
            Reply(.serverFailed, "the journal cannot be written")
        case .closed: Reply(.unavailable, "server is stopping", retrySeconds: 1)
        }
    }
}

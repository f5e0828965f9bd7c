internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterState
internal import HamsterTail
internal import Logging

/// The work on the files of one path that may block: done on the thread pool, its failures noted and in the log.
struct PathFiles: Sendable {
    /// Descriptors come back as soon as other files are delivered.
    private static let descriptorWaitMax: Duration = .seconds(10)

    private let path: ShippedPath

    init(_ path: ShippedPath) { self.path = path }

    private var environment: ShippingEnvironment { path.environment }
    private var followed: FollowedPath { path.followed }

    static var descriptorWait: Duration { descriptorWaitMax * Double.random(in: 0.5...1) }

    /// What is to be done for the path's first file.
    func next(for file: TailedFile, _ attempts: inout Attempts) async -> FollowedPath.Step {
        let result = await path.onPool { [path, environment, followed] in
            Result { () throws(FileError) in
                let step = try followed.next(for: file, now: .now, lost: { path.report(lost: $0, of: file) })
                // An empty file gets no connection, and with it no look at what was in it before.
                guard step.isWithoutStream, try environment.catalogue.isOverwritten(file, of: followed) else {
                    return step
                }
                return .ask
            }
        }
        switch result {
        case .success(let step): return step
        case .failure(let error) where error.isStale || error.isMissing: return await moved(file, &attempts)
        case .failure(let error): return unreadable(file, error, &attempts)
        case nil: return .wait(nil)
        }
    }

    private func unreadable(_ file: TailedFile, _ error: FileError, _ attempts: inout Attempts) -> FollowedPath.Step {
        guard !error.isOutOfDescriptors else {
            report(error)
            return .wait(Self.descriptorWait)
        }
        path.note(.waiting, error: "\(error)")
        if attempts.isNews(ClientError.unreadable(error)) { log(error) }
        return .wait(environment.configuration.retry.delayMax)
    }

    /// A file that was closed to save descriptors is not behind its last name any more: renamed, or removed for good.
    private func moved(_ file: TailedFile, _ attempts: inout Attempts) async -> FollowedPath.Step {
        // The watcher has not seen that yet; it looks for the file then.
        guard file.rotatedAt != nil else { return .wait(.seconds(1)) }
        let result = await path.onPool { [environment, followed] in
            Result { () throws(FileError) in try environment.catalogue.locate(file, of: followed) }
        }
        switch result {
        case .success(true): return .wait(.zero)
        case .success(false): break
        case .failure(let error): return unreadable(file, error, &attempts)
        case nil: return .wait(nil)
        }
        let record = file.record
        if record.sizeSeen > record.position.offset {
            path.report(lost: record.sizeSeen - record.position.offset, of: file)
        }
        followed.removeDelivered(file)
        return .wait(.zero)
    }

    /// Removes a file that is delivered. False: it has changed, and is to be looked at again.
    func remove(_ file: TailedFile) async -> Bool {
        let result = await path.onPool { [environment] in
            Result { () throws(FileError) in try environment.catalogue.remove(file) }
        }
        switch result {
        case .success(let isRemoved):
            if isRemoved { path.logger.info("file removed", metadata: ["location": "\(file.location)"]) }
            return isRemoved
        case .failure(let error):
            path.note(.waiting, error: "\(error)")
            path.logger.error("cannot remove the delivered file", metadata: ["reason": "\(error)"])
            return true
        case nil: return false
        }
    }

    /// The file holds other content than before. False: that could not be looked at.
    func startOver(_ file: TailedFile, view: FileCatalogue.ServerView?) async -> Bool {
        let result = await path.onPool { [environment, followed] in
            Result { () throws(FileError) in
                try environment.catalogue.startOver(file, of: followed, view: view)
            }
        }
        switch result {
        case .success(let lost):
            path.logger.notice(
                "file holds new content, sending from its start",
                metadata: ["generation": "\(file.record.generation)"])
            environment.metrics.rotations[path.label, "truncate"].add()
            if lost > 0 { path.report(lost: lost, of: file) }
            return true
        case .failure(let error):
            report(error)
            return false
        case nil: return false
        }
    }

    /// The server knows nothing of a rotated file. False: it could not be looked at.
    func settleUnknown(_ file: TailedFile) async -> Bool {
        let result = await path.onPool { [environment, followed] in
            Result { () throws(FileError) in try environment.catalogue.settleUnknown(file, of: followed) }
        }
        switch result {
        case .success(let isFileOfItsOwn):
            if isFileOfItsOwn { environment.rescan.request() }
            return true
        case .failure(let error):
            path.note(.waiting, error: "\(error)")
            log(error)
            return false
        case nil: return true
        }
    }

    /// Notes what a file begins with, before any of it is sent. Doesn't block: so one save is for all files that begin at
    /// about the same time.
    func begin(_ file: TailedFile, with beginning: [UInt8]?) {
        guard !file.isCopy else { return }
        environment.state.update(beginning.map { file.begin(with: $0) } ?? file.record)
    }

    /// Whether the first bytes of a content may be sent: it is what the file has held since the server was asked. Blocks.
    ///
    /// The state on disk knows it then: a client that forgot it in a crash could not ask for what the server has of it once it
    /// is gone, and would take its copy for a file that was never sent. Where the disk takes no state, shipping goes on:
    /// logs that nobody may remove are what fills such a disk.
    func mayBegin(_ file: TailedFile) throws(FileError) -> Bool {
        guard try !environment.catalogue.isOverwritten(file, of: followed) else { return false }
        guard !file.isCopy, !environment.state.isWritten(file.record) else { return true }
        do throws(StateError) {
            try environment.state.save()
        } catch {
            if environment.unsavedState.isDue() {
                path.logger.error("state not saved", metadata: ["reason": "\(error)"])
            }
        }
        return true
    }

    /// How many bytes a file has that is complete; nil where it isn't, or where that can't be found out now.
    func completeSize(of file: TailedFile) async -> UInt64? {
        let rotation = followed.rotation
        let size = await path.onPool {
            Result { () throws(FileError) in try rotation.completeSize(of: file, now: .now) }
        }
        return (try? size?.get()) ?? nil
    }

    /// Running out of descriptors concerns all files, and is said once in a while.
    func report(_ error: FileError) {
        path.note(.waiting, error: "\(error)")
        guard error.isOutOfDescriptors else { return log(error) }
        guard environment.descriptorShortage.isDue() else { return }
        path.logger.error("files wait until others are closed", metadata: ["reason": "\(error)"])
    }

    private func log(_ error: FileError) {
        path.logger.error("cannot read the file", metadata: ["reason": "\(error)"])
    }
}

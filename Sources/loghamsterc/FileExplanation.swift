import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterFiles
import HamsterProgram
import HamsterState
import HamsterStatus
import HamsterTail

/// What is known of one file, and what keeps it from being shipped.
struct FileExplanation {
    /// Named facts, in the order in which they are shown.
    private(set) var facts: [JSON.Member] = []
    /// The first thing that stands in the way, and what to do; nil: nothing does.
    private(set) var obstacle: String?
    private let path: SourcePath

    init(
        _ path: SourcePath, _ settings: ClientSettings, fileSystem: any FileSystem, live: Result<JSON, StatusError>,
        now: FileTime
    ) {
        self.path = path
        add("path", "\(path)")
        let selection = describeInput(settings.client.inputs)
        let status = describeFile(fileSystem)
        if let selection, let status { describe(selection, status, now) }
        if let status { describeRecord(of: status, settings, fileSystem) }
        describe(live, status)
    }

    /// Each line with its LF.
    var text: String {
        let verdict = obstacle.map { "not shipped: \($0)" } ?? "shipped"
        let lines = facts.dropFirst().map { fact in
            "  \(fact.name)\(String(repeating: " ", count: max(1, 14 - fact.name.count)))\(fact.value.text)"
        }
        return (["\(path): \(verdict)"] + lines).map { TextTable.printable($0) + "\n" }.joined()
    }

    var document: JSON {
        .object(facts + [.init("shipped", .bool(obstacle == nil)), .init("obstacle", .optional(obstacle))])
    }
}

extension FileExplanation {
    private mutating func add(_ name: String, _ text: String) { facts.append(.init(name, .string(text))) }

    private mutating func stop(_ reason: String) { obstacle = obstacle ?? reason }

    private mutating func describeInput(_ inputs: [InputConfiguration]) -> FileSelection? {
        var exclusions: [String] = []
        for (index, input) in inputs.enumerated() {
            let name = "input[\(index)]" + (input.name.map { " (\($0))" } ?? "")
            switch input.files.verdict(path) {
            case .taken(let pattern):
                add("input", name)
                add("pattern", pattern.pattern)
                add("method", "\(input.files.method)")
                return input.files
            case .excluded(let glob): exclusions.append("\(name) leaves it out by exclude = \"\(glob.pattern)\"")
            case .noPattern: break
            }
        }
        if let base = RotatedName.base(of: path.name).map({ path.directory.appending($0) }),
            let index = inputs.firstIndex(where: { $0.files.takes(base) })
        {
            add("input", "input[\(index)], by its name before a rotation: \(base)")
            return inputs[index].files
        }
        stop(exclusions.first ?? "no input's path matches it: add it to one, or a pattern that does")
        return nil
    }

    private mutating func describeFile(_ fileSystem: any FileSystem) -> FileStatus? {
        do throws(FileError) {
            guard let status = try fileSystem.status(of: path) else {
                stop("there is no such file")
                return nil
            }
            guard status.kind == .regular else {
                stop("it is not a regular file")
                return nil
            }
            facts.append(.init("inode", .number(status.inode)))
            if let born = status.born { facts.append(.init("born", .number(born.seconds))) }
            facts.append(.init("size", .number(status.size)))
            _ = try fileSystem.open(path)
            return status
        } catch {
            stop("\(error)")
            return nil
        }
    }

    private mutating func describe(_ selection: FileSelection, _ status: FileStatus, _ now: FileTime) {
        guard let limit = selection.ignoreOlder else { return }
        guard now.duration(since: status.modified) > limit else { return }
        stop("not modified for longer than ignore_older, and not known from before")
    }

    private mutating func describeRecord(
        of status: FileStatus, _ settings: ClientSettings, _ fileSystem: any FileSystem
    ) {
        do {
            let records = try StateStore.peek(settings.stateDirectory, fileSystem: fileSystem)
            guard let record = records.first(where: { $0.identity == status.identity }) else {
                add("record", "none: nothing of it is acknowledged yet, as far as the state file knows")
                return
            }
            // A file that is known is not too old to be seen first.
            obstacle = nil
            add("file", record.token?.text ?? "-")
            add("sent as", "\(record.path)")
            facts.append(.init("acknowledged", .number(record.position.offset)))
            if record.isSkipped {
                add(
                    "skipped",
                    "it was rotated before this client knew its path"
                        + (record.isUnasked ? "; the server is still to be asked whether it knows the file" : ""))
            }
        } catch {
            add("record", "unknown: \(error)")
        }
    }

    private mutating func describe(_ live: Result<JSON, StatusError>, _ status: FileStatus?) {
        switch live {
        case .failure(let error):
            add("client", "\(error)")
            stop("the client is not running, or does not answer")
        case .success(let document):
            let entry = document["files"]?.elements.first { file in
                file["location"] == .string("\(path)") || file["path"] == .string("\(path)")
            }
            guard let entry else { return add("client", "follows no file of this name at present") }
            add("state", entry["state"]?.text ?? "-")
            if case .string(let error) = entry["last_error"] { add("last error", error) }
            if entry["state"] == .string(ShippingCondition.Phase.refused.rawValue) {
                stop(entry["last_error"]?.text ?? "the server refuses it")
            }
        }
    }
}

internal import HamsterCore
internal import HamsterFiles
internal import HamsterState

/// Finds the files that were behind a path before: rotated while nobody looked, or made by copy and truncate. One look
/// at a time: directories are listed once.
///
/// Works from what is known of the path's files: names only say where to look, identity and content decide.
struct Predecessors {
    /// A file that a rotation has left behind.
    struct Candidate {
        var path: SourcePath
        var status: FileStatus

        var identity: FileIdentity { status.identity }
        /// When it came into being; where the file system doesn't keep that, when it was written last.
        var born: FileTime { status.born ?? status.modified }
    }

    /// How often a file may be renamed while it is looked for.
    static let movesMax = 5
    private static let relistingsMax = 100

    private let fileSystem: any FileSystem
    /// Where links lead: rotation happens in the directory of the file itself.
    private let resolved: [SourcePath: SourcePath]
    private var listings: [SourcePath: DirectoryListing] = [:]
    private(set) var problems: [FileError] = []
    private var relistings = 0

    /// `listings` are of this moment; other directories are listed when they are asked for.
    init(
        _ fileSystem: any FileSystem, resolved: [SourcePath: SourcePath],
        listings: [SourcePath: DirectoryListing] = [:]
    ) {
        self.fileSystem = fileSystem
        self.resolved = resolved
        self.listings = listings
    }

    /// Lists directories anew from now on.
    mutating func forgetListings() { listings = [:] }

    /// Where a file is now that was behind `path`; nil where it has no name in the directory any more.
    mutating func find(_ identity: FileIdentity, of path: SourcePath) -> Candidate? {
        for place in places(of: path) {
            for _ in 0..<Self.movesMax {
                let listed = listing(place.directory)?.paths(ofInode: identity.inode) ?? []
                for found in listed {
                    if let candidate = candidate(found), candidate.identity == identity { return candidate }
                }
                // What was listed has other names by now; else there is none, or the inode is another file's.
                guard !listed.isEmpty, listAgain(place.directory),
                    listing(place.directory)?.paths(ofInode: identity.inode) != listed
                else { break }
            }
        }
        return nil
    }

    /// Forgets a listing that has turned out to be outdated. False: that was so often enough in one look; where a file
    /// system lists other inode numbers than it says of files, it's always so.
    private mutating func listAgain(_ directory: SourcePath) -> Bool {
        guard relistings < Self.relistingsMax else { return false }
        relistings += 1
        listings[directory] = nil
        return true
    }

    /// Whether the folder of a path could be looked at, and has anything in it.
    mutating func hasFolder(of path: SourcePath) -> Bool { !(listing(path.directory)?.isEmpty ?? true) }

    /// The files with names as rotation gives them to files of `path`, oldest first.
    mutating func rotated(of path: SourcePath) -> [Candidate] {
        var found: [FileIdentity: Candidate] = [:]
        for place in places(of: path) {
            for _ in 0..<Self.movesMax {
                var isOutdated = false
                for (path, inode) in listing(place.directory)?.rotatedPaths(of: place) ?? [] {
                    let candidate = candidate(path)
                    // Names that move on at this moment: the file that was here has one that is not in the listing.
                    isOutdated = isOutdated || candidate?.identity.inode != inode
                    if let candidate { found[candidate.identity] = candidate }
                }
                guard isOutdated, listAgain(place.directory) else { break }
            }
        }
        return found.values.sorted { ($0.born, $0.identity.inode) < ($1.born, $1.identity.inode) }
    }

    /// Opens a candidate under the name that it has by now, since a rotation may move names on at the same time. Nil where it
    /// is gone.
    mutating func open(_ candidate: Candidate) -> (candidate: Candidate, file: any ReadableFile)? {
        var candidate = candidate
        for _ in 0..<Self.movesMax {
            do throws(FileError) {
                let file = try fileSystem.open(candidate.path)
                if try file.status().identity == candidate.identity { return (candidate, file) }
            } catch  where !error.isMissing {
                problems.append(error)
                return nil
            } catch {}
            guard listAgain(candidate.path.directory), let found = find(candidate.identity, of: candidate.path) else {
                return nil
            }
            candidate = found
        }
        return nil
    }

    /// Throws where a descriptor was wanting behind the first `count` problems: then no candidate is one for certain.
    func requireDescriptors(since count: Int) throws(FileError) {
        if let shortage = problems.dropFirst(count).first(where: \.isOutOfDescriptors) { throw shortage }
    }

    /// Whether a candidate's bytes are those that `match` knows.
    mutating func holds(_ match: ContentMatch, for candidate: Candidate) -> Bool {
        judge(candidate) { file throws(FileError) in try match.holds(for: file) }
    }

    /// Whether a candidate is a copy of what a file holds now.
    mutating func isCopy(_ candidate: Candidate, of other: any ReadableFile) -> Bool {
        judge(candidate) { file throws(FileError) in try ContentMatch.isCopy(file, of: other) }
    }

    /// Whether a candidate begins as a file does, as far as both reach. True also where it can't be read.
    mutating func isSameBeginning(_ candidate: Candidate, _ other: any ReadableFile) -> Bool {
        judge(candidate, unreadable: true) { file throws(FileError) in
            try ContentMatch.isSameBeginning(file, other)
        }
    }

    /// Whether a writer may hold a candidate. True also where that can't be found out.
    mutating func mayBeWritten(_ candidate: Candidate) -> Bool {
        judge(candidate, unreadable: true) { file throws(FileError) in try file.hasWriter() != false }
    }

    /// Whether a candidate can be the beginning of a content that begins like this.
    mutating func isBeginning(_ candidate: Candidate, of head: SourceHead) -> Bool {
        judge(candidate) { file throws(FileError) in
            head.beginsWith(try file.bytes(at: 0, count: SourceHead.bytesMax))
        }
    }

    private mutating func judge(
        _ candidate: Candidate, unreadable: Bool = false, _ judgement: (any ReadableFile) throws(FileError) -> Bool
    ) -> Bool {
        guard let file = open(candidate)?.file else { return unreadable }
        do throws(FileError) {
            return try judgement(file)
        } catch {
            problems.append(error)
            return unreadable
        }
    }

    private func places(of path: SourcePath) -> [SourcePath] {
        guard let real = resolved[path], real != path else { return [path] }
        return [path, real]
    }

    private mutating func candidate(_ path: SourcePath) -> Candidate? {
        do throws(FileError) {
            guard let status = try fileSystem.status(of: path), status.kind == .regular else { return nil }
            return Candidate(path: path, status: status)
        } catch {
            problems.append(error)
            return nil
        }
    }

    private mutating func listing(_ directory: SourcePath) -> DirectoryListing? {
        if let known = listings[directory] { return known }
        do throws(FileError) {
            let listing = try DirectoryListing(of: directory, fileSystem)
            listings[directory] = listing
            return listing
        } catch {
            problems.append(error)
            return nil
        }
    }
}

package import HamsterCore
internal import HamsterFiles

extension FileCatalogue {
    /// The selections that can't match anything at present, with a folder or file that is not there; what can't be looked at
    /// may be there.
    package var missing: [(selection: Int, path: SourcePath)] {
        selections.enumerated().compactMap { index, selection in
            let bases = selection.patterns.map(\.base)
            guard let first = bases.first, bases.allSatisfy({ isMissing($0) }) else { return nil }
            return (index, first)
        }
    }

    private func isMissing(_ path: SourcePath) -> Bool {
        do throws(FileError) {
            return try fileSystem.status(of: path) == nil
        } catch {
            return error.isMissing
        }
    }

    /// Puts other selections in force; the next scan finds what is new by them. Paths that are still taken in the same way
    /// keep their files, whatever has become of these. Returns the others, which are not in the catalogue any more; what is
    /// known of their files stays in the state.
    package mutating func replaceSelections(_ new: [FileSelection]) -> [FollowedPath] {
        let known = Set(selections.map(\.patterns))
        freshSelections = Set(new.indices.filter { !known.contains(new[$0].patterns) })
        selections = new
        var dropped: [FollowedPath] = []
        for (path, known) in followed {
            guard let index = new.firstIndex(where: { $0.takes(path) }), new[index].method == known.selection.method
            else {
                dropped.append(known)
                followed[path] = nil
                continue
            }
            known.reselect(new[index], input: index)
        }
        owners = owners.filter { followed[$0.value.path] === $0.value }
        locations = locations.filter { followed[$0.value.path] === $0.value }
        return dropped
    }
}

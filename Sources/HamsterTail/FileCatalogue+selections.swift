extension FileCatalogue {
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

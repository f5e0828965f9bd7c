/// The known key, or command, that `key` was probably meant to be; nil where none is near.
package func nearestKey(to key: String, among known: some Collection<String>) -> String? {
    let distances = known.map { ($0, editDistance(key, $0)) }
    guard let best = distances.min(by: { ($0.1, $0.0) < ($1.1, $1.0) }) else { return nil }
    return best.1 <= max(2, key.count / 3) ? best.0 : nil
}

/// Insertions, deletions and replacements between two words (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in right.indices {
            let replaced = diagonal + (character == right[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}

internal import HamsterCore
internal import HamsterFiles

/// The text of the state file, version 1: a heading, a line a file, and the CRC-32 of all that.
///
/// Text, because the person who looks at it at night has `less` and nothing else.
package enum StateCodec {
    private static let heading = "loghamster-client-state 1"

    /// The whole file's bytes.
    package static func encode(_ records: some Sequence<FileRecord>) -> [UInt8] {
        var text = Array((heading + "\n").utf8)
        for record in records {
            text += fields(record).joined(separator: " ").utf8
            text.append(UInt8(ascii: "\n"))
        }
        return text + Array("crc32 \(hex(crc32(of: text)))\n".utf8)
    }

    /// Throws what is wrong, in words; nothing of a damaged file is used.
    package static func decode(_ bytes: [UInt8]) throws(StateDamage) -> [FileRecord] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true, let trailer = lines.popLast() else {
            throw StateDamage(reason: "it is cut off")
        }
        let body = lines.joined(separator: [UInt8(ascii: "\n")]) + [UInt8(ascii: "\n")]
        guard trailer.elementsEqual("crc32 \(hex(crc32(of: Array(body))))".utf8) else {
            throw StateDamage(reason: "its checksum does not match its content")
        }
        guard lines.first?.elementsEqual(heading.utf8) == true else {
            throw StateDamage(reason: "it is of another version")
        }
        var records: [FileRecord] = []
        for (index, line) in lines.enumerated().dropFirst() {
            guard let record = record(line) else { throw StateDamage(reason: "line \(index + 1) is not understood") }
            records.append(record)
        }
        return records
    }

    private static func fields(_ record: FileRecord) -> [String] {
        let position = record.position
        // With an acknowledgement the head tells as much.
        let begun =
            position.offset == 0 && record.begun.byteCount > 0 ? fields(record.begun, "begun", "begunprefixes") : []
        return [
            "inode=\(record.identity.inode)",
            record.identity.born.map { "born=\($0.nanoseconds)" } ?? "device=\(record.identity.device ?? 0)",
            "generation=\(record.generation)", "offset=\(position.offset)", "seen=\(record.seenAt)",
            "tail=\(hex(position.tail.bytes))",
        ] + fields(position.head, "head", "prefixes") + begun + [
            "size=\(record.sizeSeen)", "since=\((record.since ?? record.identity.born)?.nanoseconds ?? 0)",
            "skipped=\(record.isSkipped ? 1 : 0)", "path=\(hex(record.path.bytes))",
            // For people; not read back, since it need not be the true bytes.
            "# \(record.path.description.filter { $0.isASCII && !$0.isNewline })",
        ]
    }

    private static func fields(_ head: SourceHead, _ name: String, _ prefixesName: String) -> [String] {
        [
            "\(name)=\(head.byteCount):\(hex(head.checksum))",
            "\(prefixesName)=\(head.prefixes.map(hex).joined(separator: ","))",
        ]
    }

    private static func record(_ line: ArraySlice<UInt8>) -> FileRecord? {
        var values: [Substring: Substring] = [:]
        for field in String(decoding: line, as: UTF8.self).split(separator: " ") {
            guard field != "#" else { break }
            let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            values[pair[0]] = pair[1]
        }
        guard let inode = values["inode"].flatMap({ UInt64($0) }),
            let generation = values["generation"].flatMap({ UInt32($0) }),
            let offset = values["offset"].flatMap({ UInt64($0) }),
            let seenAt = values["seen"].flatMap({ Int64($0) }),
            let tail = values["tail"].flatMap(bytes),
            let head = self.head(values["head"], values["prefixes"]),
            let begun = self.head(values["begun"], values["begunprefixes"]),
            let size = UInt64(values["size"] ?? "0"), let since = Int64(values["since"] ?? "0"),
            let path = values["path"].flatMap(bytes)
        else { return nil }
        let born = values["born"].flatMap { Int64($0) }.map { FileTime(nanoseconds: $0) }
        let device = values["device"].flatMap { UInt64($0) }
        guard born != nil || device != nil else { return nil }
        var record = FileRecord(
            identity: FileIdentity(inode: inode, born: born, device: device), generation: generation,
            path: SourcePath(bytes: path),
            position: SourcePosition(offset: offset, tail: SourceTail(tail), head: head), sizeSeen: size,
            seenAt: seenAt)
        record.begun = begun
        record.isSkipped = values["skipped"] == "1"
        if since != 0 { record.since = FileTime(nanoseconds: since) }
        return record
    }

    /// Empty where there is none.
    private static func head(_ text: Substring?, _ prefixes: Substring?) -> SourceHead? {
        guard let text else { return SourceHead() }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (0...SourceHead.bytesMax).contains(count),
            let checksum = ContinuityCheck(String(parts[1]))
        else { return nil }
        let known = (prefixes ?? "").split(separator: ",").map { ContinuityCheck(String($0))?.value }
        guard known.allSatisfy({ $0 != nil }) else { return nil }
        return SourceHead(byteCount: count, checksum: checksum.value, prefixes: known.compactMap { $0 })
    }

    private static func hex(_ value: UInt32) -> String { "\(ContinuityCheck(value: value))" }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ hex: Substring) -> [UInt8]? {
        let digits = Array(hex.utf8).map { UInt8(String(UnicodeScalar($0)), radix: 16) }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

/// Why a state file can't be used.
package struct StateDamage: Error, Sendable, Hashable {
    package var reason: String
}

import Foundation
import HamsterCore
import HamsterStore
import HamsterTesting
import Synchronization

extension OutputTarget {
    func rotated(
        size: UInt64, keep: Int? = nil, isCompressing: Bool = false, names: RotationPolicy.Names = .numbered
    ) -> Self {
        var target = self
        target.rotation = RotationPolicy(size: size, keep: keep, isCompressing: isCompressing, names: names)
        return target
    }
}

extension Store {
    /// All that the threads of a store do for a rotation that is due, but the compression.
    func rotate() throws(StoreError) {
        try commit()
        rotateDueOutputs()
        try commit()
    }
}

extension StoreScene {
    func path(of name: String) -> SourcePath { SourcePath("\(path)/out/\(name)") }

    /// What is in the directory of the outputs.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path + "/out").sorted() }

    /// The files that were put aside, oldest first, and then the output. Of a compressed file and its origin, which a
    /// crash may have left both, one counts.
    func rotated(_ base: String) throws -> String {
        let names = try names()
        let rotated = names.filter { $0.hasPrefix(base + ".") || $0.hasPrefix(base + "-") }
            .filter { !$0.hasSuffix(".part") && !($0.hasSuffix(".gz") && names.contains(String($0.dropLast(3)))) }
            .sorted { left, right in
                let (left, right) = (left.order(behind: base), right.order(behind: base))
                return left.lexicographicallyPrecedes(right)
            }
        var content = Data()
        for name in rotated + names.filter({ $0 == base }) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path(of: name).description))
            guard name.hasSuffix(".gz") else {
                content += bytes
                continue
            }
            guard let whole = gunzip(Array(bytes)) else { throw CocoaError(.fileReadCorruptFile) }
            content += whole
        }
        return String(decoding: content, as: UTF8.self)
    }
}

extension String {
    /// What sorts names by age: the number turned round, or the digits of the date and the number behind it.
    fileprivate func order(behind base: String) -> [Int] {
        let label = dropFirst(base.count + 1).split(separator: ".")[0]
        if let number = Int(label) { return [-number] }
        return label.split(separator: "-").map { Int($0.filter(\.isNumber)) ?? 0 }
    }
}

import HamsterFuzzing
import HamsterTesting
import Testing

/// Every target on its seeds and on some mutations of them, the same in each run. `make fuzz` looks for more.
@Suite(.timeLimit(.minutes(5))) struct FuzzTargetTests {
    private static let mutationsPerTarget = 100

    @Test(arguments: FuzzTargets.names)
    func `whatever comes in, the property holds`(name: String) async throws {
        let target = try #require(try await FuzzTargets.make(name))
        var generator = SeededGenerator(seed: 1)
        let mutations = (0..<Self.mutationsPerTarget).map { _ in generator.mutation(of: target.seeds) }

        #expect(!target.seeds.isEmpty)
        for input in target.seeds + mutations {
            #expect(throws: Never.self, "\(input)") { try target.check(input) }
        }
    }

    @Test func `a property that does not hold is reported`() throws {
        var generator = SeededGenerator(seed: 1)
        let target = LengthTarget()
        let mutations = (0..<Self.mutationsPerTarget).map { _ in generator.mutation(of: target.seeds) }

        let failures = mutations.filter { input in (try? target.check(input)) == nil }

        #expect(failures.count > 10)
        #expect(failures.count < mutations.count)
    }

    @Test func `mutations are the same for the same seed, bounded, and unlike each other`() {
        let seeds = [Array("INIT STREAM web1:/a".utf8), []]
        let runs = (0..<2).map { _ in
            var generator = SeededGenerator(seed: 7)
            return (0..<200).map { _ in generator.mutation(of: seeds, bytesMax: 100) }
        }

        #expect(runs[0] == runs[1])
        #expect(runs[0].allSatisfy { $0.count <= 100 })
        #expect(Set(runs[0]).count > 150)
    }
}

/// Says that no input is longer than its seed, which is wrong.
private struct LengthTarget: FuzzTarget {
    let seeds = [[1, 2, 3] as [UInt8]]

    func check(_ input: [UInt8]) throws {
        guard input.count <= 3 else { throw Violation("\(input.count) bytes") }
    }
}

// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: warnings stop the build, and imports say what they expose.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// For modules that call no C: every unsafe construct must say so.
let strictSettings: [SwiftSetting] = settings + [.strictMemorySafety()]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let heaps: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let deques: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "log-hamster",
    products: [
        .executable(name: "loghamsterc", targets: ["loghamsterc"]),
        .executable(name: "loghamsterd", targets: ["loghamsterd"]),
        .library(name: "LogHamster", targets: ["LogHamster"]),
    ],
    dependencies: [
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "loghamsterc",
            dependencies: [
                "HamsterClient", "HamsterConfiguration", "HamsterCore", "HamsterEnrollment", "HamsterFiles",
                "HamsterProgram", "HamsterProtocol", "HamsterMetrics",
                "HamsterState", "HamsterStatus", "HamsterTLS", "HamsterTail", argumentParser, lifecycle, logging,
            ], swiftSettings: settings),
        .executableTarget(
            name: "loghamsterd",
            dependencies: [
                "HamsterConfiguration", "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterProgram",
                "HamsterProtocol", "HamsterServer", "HamsterStatus", "HamsterMetrics",
                "HamsterStore", "HamsterTLS", argumentParser, lifecycle, logging,
            ], swiftSettings: settings),
        .target(
            name: "LogHamster",
            dependencies: [
                "HamsterClient", "HamsterCore", "HamsterFiles", "HamsterProtocol", "HamsterState", "HamsterTLS",
                "HamsterTail", logging,
            ], swiftSettings: settings),
        .target(
            name: "HamsterProgram",
            dependencies: [
                "CLinux", "CZlib", "HamsterConfiguration", "HamsterCore", "HamsterFiles", "HamsterStatus", "HamsterTLS",
                "HamsterMetrics",
                argumentParser,
                lifecycle, logging,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: settings),
        .target(
            name: "HamsterConfiguration",
            dependencies: [
                "HamsterClient", "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterProtocol",
                "HamsterRateLimit", "HamsterRouting",
                "HamsterMetrics", "HamsterServer",
                "HamsterStore", "HamsterTLS", "HamsterTail", .product(name: "TOMLKit", package: "TOMLKit"),
            ], swiftSettings: settings),

        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .target(name: "HamsterCore", dependencies: ["CZlib"], swiftSettings: settings),
        .target(name: "HamsterFiles", dependencies: ["CLinux", "CZlib", "HamsterCore"], swiftSettings: settings),
        .target(name: "HamsterTLS", dependencies: ["COpenSSL", nioCore], swiftSettings: settings),
        .target(name: "HamsterProtocol", dependencies: ["CZlib", "HamsterCore", nioCore], swiftSettings: settings),
        .target(name: "HamsterStore", dependencies: ["HamsterCore", "HamsterFiles"], swiftSettings: strictSettings),

        .target(
            name: "HamsterState", dependencies: ["HamsterCore", "HamsterFiles"], swiftSettings: strictSettings),
        .target(
            name: "HamsterTail", dependencies: ["HamsterCore", "HamsterFiles", "HamsterState"],
            swiftSettings: strictSettings),
        .target(
            name: "HamsterNetwork", dependencies: ["HamsterCore", "HamsterFiles", nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "HamsterStatus", dependencies: ["HamsterNetwork", lifecycle, logging, nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "HamsterMetrics",
            dependencies: [
                "HamsterFiles", "HamsterNetwork", "HamsterTLS", lifecycle, logging, nioCore, nioHTTP, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "HamsterEnrollment",
            dependencies: ["HamsterCore", "HamsterFiles", "HamsterProtocol", "HamsterStatus", "HamsterTLS"],
            swiftSettings: strictSettings),
        .target(name: "HamsterRateLimit", dependencies: ["HamsterCore", deques, heaps], swiftSettings: strictSettings),
        .target(name: "HamsterRouting", dependencies: ["HamsterCore"], swiftSettings: strictSettings),
        .target(
            name: "HamsterServer",
            dependencies: [
                "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterNetwork", "HamsterProtocol",
                "HamsterRateLimit", "HamsterRouting",
                "HamsterMetrics",
                "HamsterStatus", "HamsterStore", "HamsterTLS", deques, lifecycle, logging, nioCore, nioPosix,
            ], swiftSettings: strictSettings),
        .target(
            name: "HamsterClient",
            dependencies: [
                "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterNetwork", "HamsterProtocol",
                "HamsterRateLimit", "HamsterState",
                "HamsterStatus", "HamsterMetrics", "HamsterTLS",
                "HamsterTail", deques, lifecycle, logging, nioCore, nioPosix,
            ], swiftSettings: strictSettings),

        .target(
            name: "HamsterTesting", dependencies: ["COpenSSL", "CZlib"], path: "Tests/HamsterTesting",
            swiftSettings: settings),
        .target(
            name: "HamsterSimulation",
            dependencies: [
                "HamsterClient", "HamsterCore", "HamsterFiles", "HamsterProtocol", "HamsterRouting", "HamsterState",
                "HamsterStore", "HamsterTail", "HamsterTesting", nioCore,
            ], path: "Tests/HamsterSimulation", swiftSettings: settings),
        .executableTarget(
            name: "simulate", dependencies: ["HamsterSimulation", argumentParser], path: "Tests/simulate",
            swiftSettings: settings),
        .target(
            name: "HamsterReference", dependencies: ["HamsterConfiguration"], path: "Tests/HamsterReference",
            swiftSettings: settings),
        .executableTarget(
            name: "configuration-reference", dependencies: ["HamsterReference"], path: "Tests/configuration-reference",
            swiftSettings: settings),
        .target(
            name: "HamsterFuzzing",
            dependencies: [
                "HamsterConfiguration", "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterNetwork",
                "HamsterProtocol",
                "HamsterState", "HamsterStatus", "HamsterStore", "HamsterTLS", "HamsterTesting", nioCore, nioEmbedded,
            ], path: "Tests/HamsterFuzzing", swiftSettings: settings),
        .executableTarget(
            name: "fuzz", dependencies: ["HamsterFuzzing", argumentParser], path: "Tests/fuzz",
            swiftSettings: settings),
        .testTarget(
            name: "FuzzTests", dependencies: ["HamsterFuzzing", "HamsterTesting"], swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests", dependencies: ["HamsterStatus", "HamsterTesting", "loghamsterc", "loghamsterd"],
            swiftSettings: settings),
        .testTarget(
            name: "LogHamsterTests", dependencies: ["HamsterTesting", "LogHamster", "loghamsterd"],
            swiftSettings: settings),
        .testTarget(
            name: "HamsterFilesTests", dependencies: ["HamsterCore", "HamsterFiles"], swiftSettings: settings),
        .testTarget(
            name: "HamsterTLSTests",
            dependencies: ["HamsterTLS", "HamsterTesting", nioCore, nioEmbedded, nioPosix], swiftSettings: settings),
        .testTarget(
            name: "HamsterClientTests",
            dependencies: [
                "HamsterClient", "HamsterCore", "HamsterFiles", "HamsterProtocol", "HamsterRateLimit", "HamsterState",
                "HamsterTail",
                "HamsterTesting", logging, nioCore, nioEmbedded, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "HamsterConfigurationTests",
            dependencies: [
                "HamsterClient", "HamsterConfiguration", "HamsterCore", "HamsterFiles", "HamsterRateLimit",
                "HamsterRouting",
                "HamsterMetrics",
                "HamsterReference", "HamsterServer", "HamsterStore", "HamsterTLS", "HamsterTail", "HamsterTesting",
            ], swiftSettings: settings),
        .testTarget(
            name: "HamsterCoreTests", dependencies: ["HamsterCore", "HamsterTesting"], swiftSettings: settings),
        .testTarget(
            name: "HamsterNetworkTests",
            dependencies: [
                "HamsterCore", "HamsterNetwork", "HamsterTesting", nioCore, nioEmbedded, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "HamsterEnrollmentTests",
            dependencies: [
                "HamsterCore", "HamsterEnrollment", "HamsterFiles", "HamsterProtocol", "HamsterTLS", "HamsterTesting",
            ], swiftSettings: settings),
        .testTarget(
            name: "HamsterMetricsTests",
            dependencies: [
                "HamsterClient", "HamsterMetrics", "HamsterServer", "HamsterTLS", "HamsterTesting", lifecycle, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "HamsterProgramTests",
            dependencies: ["HamsterCore", "HamsterProgram", "HamsterStatus", "HamsterTLS", "HamsterTesting", logging],
            swiftSettings: settings),
        .testTarget(
            name: "HamsterProtocolTests",
            dependencies: ["HamsterCore", "HamsterProtocol", "HamsterTesting", nioCore], swiftSettings: settings),
        .testTarget(
            name: "HamsterRateLimitTests", dependencies: ["HamsterCore", "HamsterRateLimit"], swiftSettings: settings),
        .testTarget(
            name: "HamsterRoutingTests", dependencies: ["HamsterCore", "HamsterRouting"], swiftSettings: settings),
        .testTarget(
            name: "HamsterServerTests",
            dependencies: [
                "HamsterCore", "HamsterFiles", "HamsterProtocol", "HamsterRateLimit", "HamsterRouting", "HamsterServer",
                "HamsterStore",
                "HamsterTLS", "HamsterTesting", logging, nioCore, nioEmbedded, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "HamsterStateTests",
            dependencies: ["HamsterCore", "HamsterFiles", "HamsterState", "HamsterTesting"], swiftSettings: settings),
        .testTarget(
            name: "HamsterStatusTests", dependencies: ["HamsterStatus", "HamsterTesting", lifecycle, logging],
            swiftSettings: settings),
        .testTarget(
            name: "HamsterStoreTests",
            dependencies: ["HamsterCore", "HamsterFiles", "HamsterStore", "HamsterTesting"], swiftSettings: settings),
        .testTarget(
            name: "HamsterTailTests",
            dependencies: ["HamsterCore", "HamsterFiles", "HamsterState", "HamsterTail", "HamsterTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["HamsterCore", "HamsterFiles", "HamsterSimulation", "HamsterTesting"],
            swiftSettings: settings),
    ]
)

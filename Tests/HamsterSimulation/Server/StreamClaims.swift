import HamsterCore
import HamsterProtocol
import HamsterRouting

/// Who holds which file and which output: what `StreamRegistry` is for the server's handlers.
struct StreamClaims {
    struct Claim {
        var source: StreamSource
        var key: FileKey?
        var exclusiveOutput: Destination?
    }

    enum Answer {
        case granted
        case occupied(by: Int)
        case busy
    }

    private var claims: [(connection: Int, claim: Claim)] = []

    mutating func claim(_ claim: Claim, for connection: Int) -> Answer {
        if let holder = claims.first(where: { claim.key != nil && $0.claim.key == claim.key }) {
            return .occupied(by: holder.connection)
        }
        let sharing = claims.first { claim.exclusiveOutput != nil && $0.claim.exclusiveOutput == claim.exclusiveOutput }
        if let holder = sharing {
            let mayReplace = holder.claim.key != nil && claim.key != nil && holder.claim.source == claim.source
            return mayReplace ? .occupied(by: holder.connection) : .busy
        }
        claims.append((connection, claim))
        return .granted
    }

    mutating func release(_ connection: Int) { claims.removeAll { $0.connection == connection } }
}

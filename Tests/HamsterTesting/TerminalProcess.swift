import Foundation

/// A program with a terminal of its own (pty(7)), in which somebody can press Ctrl-C.
package struct TerminalProcess: Sendable {
    /// Copies what the program writes, presses Ctrl-C at SIGUSR1, and makes the window 40 columns wide at SIGUSR2. Arguments:
    /// columns, rows, the program with its own arguments. Ends with the program's exit code.
    private static let script = """
        import fcntl, os, pty, signal, struct, sys, termios
        columns, rows, arguments = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
        def resize(descriptor, columns):
            fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        child, terminal = pty.fork()
        if child == 0:
            resize(0, columns)
            os.execv(arguments[0], arguments)
        signal.signal(signal.SIGUSR1, lambda *_: os.write(terminal, b"\\x03"))
        signal.signal(signal.SIGUSR2, lambda *_: resize(terminal, 40))
        # Threads of a test have them blocked, and its children inherit that.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1, signal.SIGUSR2})
        while True:
            try:
                bytes = os.read(terminal, 65536)
            except OSError:  # The program has ended.
                break
            os.write(1, bytes)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """

    package let process: ChildProcess

    /// Starts `program` in a window of this size. It is a terminal with colours unless `environment` says otherwise.
    package init(
        _ program: String, _ arguments: [String], in scratch: ScratchDirectory, columns: Int, rows: Int = 24,
        environment: [String: String] = [:]
    ) throws {
        process = try ChildProcess(
            "/usr/bin/python3", ["-c", Self.script, "\(columns)", "\(rows)", program] + arguments, in: scratch,
            environment: ["TERM": "xterm", "NO_COLOR": ""].merging(environment) { $1 })
    }

    /// All that the program has written, with escape sequences, and CR LF at the ends of lines.
    package var output: String { process.output }

    /// What is written to the terminal without its escape sequences, line by line.
    package var lines: [String] {
        output.replacing("\r\n", with: "\n").replacing(/\u{1B}\[[?0-9;]*[A-Za-z]/, with: "")
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    package func pressControlC() { process.send(signal: SIGUSR1) }

    /// Makes the window 40 columns wide.
    package func narrow() { process.send(signal: SIGUSR2) }
}

"""The benchmarks of Log Hamster and of what it is compared with. Only Python's standard library is used."""

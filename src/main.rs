//! The `pipectl` binary: everything it does is in the library.
fn main() -> std::process::ExitCode {
    pipectl::main()
}

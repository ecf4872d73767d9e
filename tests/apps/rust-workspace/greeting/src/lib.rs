pub fn text() -> &'static str {
    "Hello from a Cargo workspace"
}

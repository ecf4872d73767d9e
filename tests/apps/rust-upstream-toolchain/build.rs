fn main() {
    let output = std::process::Command::new(std::env::var("RUSTC").unwrap()).arg("--version").output().unwrap();
    println!("cargo:rustc-env=RUSTC_VERSION={}", String::from_utf8(output.stdout).unwrap().trim());
}

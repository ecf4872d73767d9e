fn main() {
    cc::Build::new().file("native.c").compile("native");
}

// The sample of a toolchain that no package registry has.
use tiny_http::{Response, Server};

fn main() {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".into());
    let server = Server::http(format!("0.0.0.0:{port}")).expect("the port is free");
    println!("listening on {port}");
    for request in server.incoming_requests() {
        let _ = request.respond(Response::from_string(format!("Hello from {}\n", env!("RUSTC_VERSION"))));
    }
}

require("http").createServer((q, r) => r.end("Hello")).listen(process.env.PORT);

// Calls of gRPC by HTTP/2, and everything else by HTTP/1.1, on one port: a connection's first bytes tell.
const http = require('http');
const http2 = require('http2');
const net = require('net');

const pages = http.createServer((request, response) => response.end(`by HTTP/${request.httpVersion}`));
const calls = http2.createServer();
calls.on('stream', (stream, headers) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-called': headers[':path'] }));
  stream.pipe(stream);
});
net.createServer((socket) => {
  socket.once('data', (first) => {
    socket.pause();
    const server = first.toString('latin1').startsWith('PRI * HTTP/2') ? calls : pages;
    socket.unshift(first);
    server.emit('connection', socket);
    process.nextTick(() => socket.resume());
  });
}).listen(process.env.PORT);

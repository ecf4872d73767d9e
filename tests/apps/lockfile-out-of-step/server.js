require('http').createServer((q, r) => r.end('unreachable')).listen(process.env.PORT);

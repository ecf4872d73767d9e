const http = require('http');

http.createServer((request, response) => response.end('set up')).listen(process.env.PORT);
